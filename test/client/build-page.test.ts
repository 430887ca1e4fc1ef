import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltPage, buildPage } from "./build-page.ts";
import { type InstalledClient, installClient } from "./install-client.ts";

let client: InstalledClient;
let page: BuiltPage;
beforeAll(async () => {
  client = await installClient();
  for (const name of ["tour.ts", "page.ts"])
    await client.add(name, await readFile(join(import.meta.dirname, "program", name), "utf8"));
  await client.add("index.html", `<!doctype html><title>page</title><script type="module" src="/page.ts"></script>`);
  page = await buildPage(client.folder, "index.html");
});
afterAll(() => client?.remove());

test("a page that is built has nothing of Node in it, and is not large", () => {
  expect(page.warnings).toEqual([]);
  expect(page.script).not.toMatch(/\bnode:|browser-external|http2|Http2SessionManager/);
  expect(gzipSync(page.script).length).toBeLessThan(80_000);
});

test("a page that uses little gets little", async () => {
  await client.add("pair.html", `<!doctype html><script type="module" src="/pair.ts"></script>`);
  const use = `import { orderedPair } from "connectory/client";\ndocument.title = orderedPair("a", "b").userId1;`;
  await client.add("pair.ts", use);
  const { script } = await buildPage(client.folder, "pair.html");
  expect(script).toContain("nobody connects with themselves");
  expect(script.length).toBeLessThan(3000);
});
