import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { wrongSettings } from "../app/wrong-settings.ts";
import { readPage, tableBelow, tableRows } from "./read-page.ts";

const root = join(import.meta.dirname, "../..");
const page = "docs/troubleshooting.md";

test("the first table has every mistake that wrong-settings.test.ts makes, with the answer that it expects", () => {
  const surroundings = {
    folder: "/folder",
    takenAddress: "127.0.0.1:1",
    databaseUrl: "postgresql://u:@h:1/d?host=%2Fs",
  };
  expect(tableBelow(page, "The start is refused")).toEqual(
    wrongSettings(surroundings).map(({ answer, mistake }) => [`\`${answer}\``, mistake]),
  );
});

test("every other answer is in the code, in the order of its parts", () => {
  const code = globSync("src/**/*.ts", { cwd: root }).map((file) => readFileSync(join(root, file), "utf8"));
  const tables = readPage(page)
    .split(/\n\n(?=\|)/)
    .slice(2);
  const answers = tables
    .filter((text) => text.startsWith("| answer"))
    .flatMap(tableRows)
    .map(([cell = ""]) => cell.slice(1, -1));
  expect(answers.length).toBeGreaterThan(15);
  const isIn = (answer: string) => {
    // A template has its own text between the parts.
    const parts = answer
      .split("…")
      .filter((part) => part !== "")
      .map((part) => RegExp.escape(part));
    return code.some((text) => new RegExp(parts.join("[^\n]*?"), "s").test(text));
  };
  expect(answers.filter((answer) => !isIn(answer))).toEqual([]);
});

test("the causes of a rejected token are those of the code", () => {
  const [, union = ""] =
    /type TokenFault =([\s\S]*?);/.exec(readFileSync(join(root, "src/auth/token-errors.ts"), "utf8")) ?? [];
  const causes = [...union.matchAll(/"(\w+)"/g)].map(([, cause]) => cause);
  const documented = tableBelow(page, "Tokens").flatMap(([cell = ""]) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(documented.toSorted()).toEqual(causes.toSorted());
});
