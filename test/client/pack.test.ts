import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientDependencies } from "../../packaging/published-manifest.ts";
import { type InstalledClient, installClient } from "./install-client.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

let client: InstalledClient;
beforeAll(async () => {
  client = await installClient();
  for (const name of ["tour.ts", "main.ts"])
    await client.add(name, await readFile(join(import.meta.dirname, "program", name), "utf8"));
});
afterAll(() => client?.remove());

const bin = (name: string) => join(root, "node_modules/.bin", name);
const inPackage = (file: string) => readFile(join(client.folder, "node_modules/connectory", file), "utf8");

test("the package is small, and has nothing of the server", async () => {
  expect(
    client.files.filter((file) => /^(dist\/client|src\/client|gen\/(connectory|google|buf))\//.test(file) === false),
  ).toEqual(["LICENSE", "README.md", "package.json"]);
  expect(client.files).toContain("dist/client/node/index.d.ts.map");
  expect((await readFile(client.tarball)).byteLength).toBeLessThan(200_000);
  const manifest = JSON.parse(await inPackage("package.json"));
  expect(Object.keys(manifest.dependencies)).toEqual([...clientDependencies]);
  expect(manifest).toMatchObject({ name: "connectory", type: "module", sideEffects: false, engines: { node: ">=20" } });
  for (const absent of ["private", "devDependencies", "optionalDependencies", "allowScripts"])
    expect(manifest).not.toHaveProperty(absent);
  expect(await inPackage("README.md")).toBe(await readFile(join(root, "src/client/README.md"), "utf8"));
});

test("it imports what it depends on, and what it has, and nothing else", async () => {
  const imported = new Set<string>();
  for (const file of client.files.filter((name) => name.endsWith(".js")))
    for (const [, name = ""] of (await inPackage(file)).matchAll(/^(?:import|export) [^;]*?from "([^"]+)"/gm))
      imported.add(name);
  const outside = [...imported].filter((name) => !name.startsWith("."));
  const packages = new Set(outside.map((name) => name.split("/").slice(0, 2).join("/")));
  expect([...packages].sort()).toEqual([...clientDependencies]);
});

test("publint and attw find nothing wrong", async () => {
  const { buffer, byteOffset, byteLength } = await readFile(client.tarball);
  const { messages } = await publint({
    strict: true,
    pack: { tarball: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer },
  });
  expect(messages).toEqual([]);
  const flags = ["--profile", "esm-only", "--no-definitely-typed", "--no-emoji", "--format", "ascii"];
  const entries = ["--include-entrypoints", "./v1/connection", "./v1/kafka_config"];
  const { stdout } = await run(bin("attw"), [client.tarball, ...flags, ...entries]);
  expect(stdout).toContain('"connectory/v1/kafka_config"');
});

describe.each(["nodenext", "bundler"])("with moduleResolution %s", (moduleResolution) => {
  test("a program's types are right, and a wrong one's are not", async () => {
    const flags = ["--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022,dom"];
    const modules = ["--module", moduleResolution === "bundler" ? "esnext" : "nodenext"];
    const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
    const all = [...flags, ...modules, "--moduleResolution", moduleResolution, ...types];
    await run(bin("tsc"), [...all, "--outDir", "out", "main.ts"], { cwd: client.folder });
    await client.add("wrong.ts", `import { tour } from "./tour.js";\nawait tour({ baseUrl: 1, token: "t" }, "n");\n`);
    const failed = await run(bin("tsc"), [...all, "--noEmit", "wrong.ts"], { cwd: client.folder }).catch(
      (error) => error,
    );
    expect(failed.stdout).toContain("wrong.ts(2,14): error TS2322");
  });
});
