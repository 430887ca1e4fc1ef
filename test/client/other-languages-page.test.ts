import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { docSection } from "./other-languages/doc-section.ts";
import { languages } from "./other-languages/languages.ts";

describe.each(languages)("a client in $name", ({ name, folder }) => {
  const { commands, excerpts } = docSection(name);

  test("is told of with pieces of its sources, and commands to build and to run it", async () => {
    const sources = join(import.meta.dirname, folder);
    const entries = await readdir(sources, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "utf8")));
    expect(commands).toHaveLength(2);
    expect(excerpts.length).toBeGreaterThan(3);
    expect(excerpts.filter((excerpt) => !texts.some((text) => text.includes(excerpt)))).toEqual([]);
  });
});
