import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { pages, proseOf, readPage } from "./read-page.ts";

const root = join(import.meta.dirname, "../..");

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...proseOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => heading);
  const anchors = headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set(
    anchors.map((anchor, index) => {
      const before = anchors.slice(0, index).filter((other) => other === anchor).length;
      return before === 0 ? anchor : `${anchor}-${before}`;
    }),
  );
}

const linksOf = (page: string) =>
  [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((one) => !/^[a-z]+:/.test(one));

describe.each(pages)("%s", (page) => {
  test("has links that lead somewhere, anchors too", () => {
    const broken = linksOf(page).filter((target) => {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : relative(root, join(root, dirname(page), path));
      if (!existsSync(join(root, file))) return true;
      if (anchor === undefined) return false;
      return statSync(join(root, file)).isDirectory() || !anchorsOf(file).has(anchor);
    });
    expect(broken).toEqual([]);
  });
});

test("the README is read in a few minutes: 950 words and one picture at most", () => {
  const readme = readPage("README.md");
  expect(readme.trim().split(/\s+/).length).toBeLessThanOrEqual(950);
  expect([...readme.matchAll(/!\[/g)]).toHaveLength(1);
});

test("the README links to every page of docs", () => {
  const linked = new Set(linksOf("README.md").map((target) => target.split("#")[0]));
  const missing = pages.filter((page) => /^docs\/[^/]+\.md$/.test(page) && !linked.has(page));
  expect(missing).toEqual([]);
});

test("ARCHITECTURE.md is an overview: 10 kB at most", () => {
  expect(Buffer.byteLength(readPage("ARCHITECTURE.md"))).toBeLessThanOrEqual(10_240);
});

test("every file that a document names by its path from the root exists", () => {
  const named = pages.flatMap((page) =>
    [...proseOf(page).matchAll(/`((?:src|test|proto|packaging|bench)\/[\w./-]+)`/g)].map(([, path = ""]) => ({
      page,
      path,
    })),
  );
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter(({ path }) => !existsSync(join(root, path)))).toEqual([]);
});

test("every file of TypeScript that a document names without its folder exists", () => {
  const folders = ["src", "test", "bench", "generators", "packaging"];
  const known = new Set(
    folders
      .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }))
      .map((path) => basename(path)),
  );
  const named = pages.flatMap((page) =>
    [...proseOf(page).matchAll(/`([\w.-]+\.ts)`/g)].map(([, name = ""]) => ({ page, name })),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ name }) => !known.has(name) && !existsSync(join(root, name)))).toEqual([]);
});
