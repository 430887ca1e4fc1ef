import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fencesOf } from "../docs/read-page.ts";
import { docSection } from "./other-languages/doc-section.ts";
import { languages } from "./other-languages/languages.ts";

async function readSources(folder: string): Promise<string[]> {
  const entries = await readdir(join(import.meta.dirname, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "utf8")));
}

describe.each(languages)("a client in $name", ({ name, folder }) => {
  const { commands, excerpts } = docSection(name);

  test("has lines of its sources in README.md", async () => {
    const shown = fencesOf("README.md").filter(({ language }) => language === folder);
    const lines = shown.flatMap(({ text }) => text.trimEnd().split("\n"));
    const sources = (await readSources(folder)).flatMap((text) => text.split("\n").map((line) => line.trim()));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => !sources.includes(line))).toEqual([]);
  });

  test("is told of with pieces of its sources, and commands to build and to run it", async () => {
    const texts = await readSources(folder);
    expect(commands).toHaveLength(2);
    expect(excerpts.length).toBeGreaterThan(3);
    expect(excerpts.filter((excerpt) => !texts.some((text) => text.includes(excerpt)))).toEqual([]);
  });
});
