import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { findNode, nodeVersions } from "./find-node.ts";
import { type InstalledClient, installClient } from "./install-client.ts";
import { tourExpected } from "./tour-expected.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const nodes = await Promise.all(nodeVersions.map(async (version) => ({ version, node: await findNode(version) })));

let client: InstalledClient;
let server: ServerProcess;
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "connectory-nodes-"));
  [client, server] = await Promise.all([installClient(), startServer({ DATA_DIR: dataDir })]);
  for (const name of ["tour.ts", "main.ts"])
    await client.add(name, await readFile(join(import.meta.dirname, "program", name), "utf8"));
  const modules = ["--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom", "--outDir", "out"];
  const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
  await run(join(root, "node_modules/.bin/tsc"), [...modules, ...types, "main.ts"], { cwd: client.folder });
});
afterAll(async () => {
  await server?.end("SIGTERM");
  await client?.remove();
  await rm(dataDir, { recursive: true, force: true });
});

describe.each(nodes)("the packed client under Node $version", ({ version, node }) => {
  test.each(["grpc", "connect", "grpc-web"])(
    "a program does what it should over %s, and ends by itself",
    async (transport) => {
      const baseUrl = transport === "grpc" ? `http://${server.grpcAddress}` : server.httpUrl;
      const name = `n${version.split(".")[0]}-${transport}`;
      const parameters = [join(client.folder, "out/main.js"), transport, baseUrl, server.token, name];
      const { stdout, stderr } = await run(node, parameters, { timeout: 30_000 });
      expect(JSON.parse(stdout)).toEqual(tourExpected);
      expect(stderr).toBe("");
    },
  );
});
