import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commands, isAbout, notRun, pagesToRun, runElsewhere } from "./commands.ts";
import { fencesOf, pages } from "./read-page.ts";

const root = join(import.meta.dirname, "../..");

test("every block says in which language it is, and commands are sh", () => {
  const fences = pages.flatMap(fencesOf);
  const languages = new Set(fences.map(({ language }) => language));
  const expected = ["go", "http", "java", "js", "json", "properties", "python", "sh", "sql", "text", "ts", "yaml"];
  expect([...languages].toSorted()).toEqual(expected);
  const typed = /^(\$ |npm |npx |curl |grpcurl |docker |git |node )/m;
  expect(fences.filter(({ language, text }) => language === "text" && typed.test(text))).toEqual([]);
});

test("every block of commands is run by a test or a script, or is listed with the reason why it is not", () => {
  const here = [...pagesToRun, "docs/tutorial.md"];
  const lists = [...runElsewhere, ...notRun];
  const unknown = commands.filter((one) => !here.includes(one.page) && !lists.some(isAbout(one)));
  expect(unknown).toEqual([]);
});

test("the lists name blocks that exist, and what runs them", () => {
  const idle = [...runElsewhere, ...notRun].filter((entry) => !commands.some((one) => isAbout(one)(entry)));
  expect(idle).toEqual([]);
  for (const { by } of runElsewhere) expect([by, existsSync(join(root, by))]).toEqual([by, true]);
  const ci = readFileSync(join(root, ".ci/run"), "utf8");
  for (const command of ["npm ci", "npm run check", "npm test"]) expect(ci).toContain(command);
});
