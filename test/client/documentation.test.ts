import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { type InstalledClient, installClient } from "./install-client.ts";
import { readSnippets } from "./read-snippets.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const pages = {
  clients: await readSnippets(join(root, "docs/clients.md")),
  readme: await readSnippets(join(root, "src/client/README.md")),
  start: await readSnippets(join(root, "README.md")),
};

let client: InstalledClient;
let server: ServerProcess;
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "connectory-docs-"));
  [client, server] = await Promise.all([installClient(), startServer({ DATA_DIR: dataDir })]);
});
afterAll(async () => {
  await server?.end("SIGTERM");
  await client?.remove();
  await rm(dataDir, { recursive: true, force: true });
});

/** Checks the types of a program, runs it against the server, and answers with the lines that it prints. */
async function runProgram(name: string, code: string, ...flags: string[]): Promise<string[]> {
  const here = code
    .replaceAll("127.0.0.1:50051", server.grpcAddress)
    .replaceAll("http://127.0.0.1:8080", server.httpUrl)
    .replaceAll('"…"', JSON.stringify(server.token));
  await client.add(`${name}.ts`, here);
  const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
  const strict = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"];
  const options = ["--target", "es2022", "--lib", "es2022,dom,dom.asynciterable", "--module", "nodenext", ...strict];
  await run(join(root, "node_modules/.bin/tsc"), [...options, ...types, `${name}.ts`], { cwd: client.folder }).catch(
    (error: { stdout: string }) => expect.fail(error.stdout),
  );
  const env = { PATH: process.env.PATH, TOKEN: server.token };
  const { stdout } = await run(process.execPath, [...flags, `${name}.js`], {
    cwd: client.folder,
    env,
    timeout: 120_000,
  });
  return stdout.trim().split("\n");
}

test("what docs/clients.md shows works as it stands", async () => {
  const lines = await runProgram("clients", pages.clients[""] ?? "");
  expect(lines.slice(0, 1)).toEqual(["alice and bob are connected"]);
  expect(lines[1]).toMatch(/^connected before, as [0-9a-f-]{36}$/);
  expect(lines[2]).toMatch(/^created: [0-9a-f-]{36}$/);
  expect(lines[3]).toBe("refused: 13");
  expect(lines.slice(4, 8)).toEqual(["carol", "bob", "0 profiles", "new: alice bob"]);
  expect(JSON.parse(lines[8] ?? "")).toMatchObject({ userId1: "alice", userId2: "bob", isActive: true });
  expect(lines).toHaveLength(9);
});

test("so does what it shows for pages", async () => {
  const lines = await runProgram("page", pages.clients.page ?? "", "--conditions=browser");
  expect(lines).toEqual([expect.stringMatching(/^\d+ connectors$/)]);
});

test("and the readme of the package", async () => {
  expect(await runProgram("readme", pages.readme[""] ?? "")).toEqual([
    expect.stringMatching(/^connected (as|before, as) /),
  ]);
});

test("and what README.md shows of it", async () => {
  const read = `${pages.start[""] ?? ""}\nconsole.log((await connections.countConnections({ userId: "dave" })).count);`;
  expect(await runProgram("start", read)).toEqual(["1"]);
});

test("it names everything that the package exports", async () => {
  const text = await readFile(join(root, "docs/clients.md"), "utf8");
  const index = await readFile(join(root, "src/client/index.ts"), "utf8");
  const exported = [...index.matchAll(/^export \{([^}]*)\} from/gm)].flatMap(([, names = ""]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  );
  const values = exported.filter((name) => !name.startsWith("type "));
  expect(values.length).toBeGreaterThan(10);
  const services = ["ConnectionService", "ConnectionProfileService"];
  expect(values.filter((name) => !services.includes(name) && !text.includes(name))).toEqual([]);
});
