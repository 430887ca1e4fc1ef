import { readFileSync } from "node:fs";
import { join, matchesGlob } from "node:path";
import { expect, test } from "vitest";
import config from "../../vitest.config.ts";
import { extendedTestFiles, testFiles } from "../support/test-projects.ts";

const root = join(import.meta.dirname, "../..");
const files = testFiles();

interface Project {
  readonly test: { readonly name: string; readonly include: string[]; readonly exclude?: string[] };
}
const projects = config.test?.projects as Project[];
const projectsOf = (file: string) =>
  projects
    .filter(({ test: { include, exclude = [] } }) => {
      const isIn = (globs: readonly string[]) => globs.some((glob) => matchesGlob(file, glob));
      return isIn(include) && !isIn(exclude);
    })
    .map(({ test: { name } }) => name);

test("every test file is in exactly one project, and there is none that no project would find", () => {
  const extended = new Set(extendedTestFiles());
  expect(files.length).toBeGreaterThan(170);
  for (const file of files)
    expect([file, projectsOf(file)]).toEqual([file, [extended.has(file) ? "extended" : "npm-only"]]);
});

test("what needs more than npm, or a long time, is not in npm test", () => {
  const needy =
    /\b(kafkaForTests|goProgram|findProgram|browserForTests|findNode|findToolchain)\(|serverForTests\((?!startPostgres|startPrimaryAndStandby)/;
  const text = (file: string) => readFileSync(join(root, file), "utf8");
  const found = files.filter((file) => file !== "test/architecture/test-projects.test.ts" && needy.test(text(file)));
  expect(found.length).toBeGreaterThan(15);
  const long = files.filter((file) => file.endsWith(".long.test.ts"));
  for (const file of [...found, ...long]) expect([file, projectsOf(file)]).toEqual([file, ["extended"]]);
});

test("npm test runs the one project, npm run test:all both", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(scripts).toMatchObject({ test: "vitest run --project npm-only", "test:all": "vitest run" });
  expect(projects.map(({ test: { name } }) => name)).toEqual(["npm-only", "extended"]);
});

test("no test is skipped because something is missing: only the system or the user may be another", () => {
  const skips = files.flatMap((file) => {
    const lines = readFileSync(join(root, file), "utf8").split("\n");
    return lines
      .filter((line) =>
        /\b(test|it|describe)(\.\w+)*\.(skip|todo|only)\b|skipIf|runIf|\b(ctx|context)\.skip/.test(line),
      )
      .map((line) => `${file}: ${line.trim()}`);
  });
  const allowed =
    /\.(skipIf\(!(canRun|onLinuxAsRoot|canRunAsOther)\)|(runIf|skipIf)\(process\.platform [!=]== "linux"\))/;
  const own = "test/architecture/test-projects.test.ts";
  expect(skips.filter((skip) => !skip.startsWith(own) && !allowed.test(skip))).toEqual([]);
});
