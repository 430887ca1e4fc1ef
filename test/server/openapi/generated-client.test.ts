import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateApi } from "swagger-typescript-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { canary } from "../../support/canary.ts";

const root = join(import.meta.dirname, "../../..");
const password = canary("generated-client");

/** What somebody writes with a client that a generator has made of the document. */
const program = `import { Api } from "./client.ts";

export async function run(baseUrl: string, token: string): Promise<unknown[]> {
  const api = new Api({ baseUrl, baseApiParams: { headers: { authorization: \`Bearer \${token}\` } } });
  const { data: created } = await api.v1.createConnection({ userId1: "gina", userId2: "hugo" });
  const since: string | undefined = created.connection.connectedSince;
  const { data: page } = await api.v1.listConnections({ userId: "gina", pageSize: 10 });
  const others: string[] = page.connections.map((connection) => connection.userId2);
  const { data: profile } = await api.v1.createConnectionProfile({
    name: "generated",
    connector: "postgres",
    config: { host: "127.0.0.1", username: "gina", password: "${password}" },
  });
  const { data: profiles } = await api.v1.listConnectionProfiles({ page_size: 10 });
  const missing = await api.v1.getConnectionProfile("cp_0000000000").catch((failed) => failed);
  const problem: string = missing.error.reason;
  // @ts-expect-error: no configuration has such a field
  api.v1.createConnectionProfile.bind(api, { name: "x", connector: "postgres", config: { hots: "a.example" } });
  // @ts-expect-error: there is no such connector
  api.v1.createConnectionProfile.bind(api, { name: "x", connector: "postgras", config: { host: "a", username: "b" } });
  return [since, others, profile.id, profile.config, profiles.data.map(({ name }) => name), problem];
}
`;

const settings = {
  compilerOptions: {
    target: "es2022",
    module: "nodenext",
    lib: ["es2022", "dom", "dom.iterable"],
    types: [],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
  },
  include: ["*.ts"],
};

let app: TestApp;
let folder: string;

beforeAll(async () => {
  app = await startTestApp();
  await mkdir(join(root, ".cache"), { recursive: true });
  folder = await mkdtemp(join(root, ".cache/generated-client-"));
  const spec = (await (await fetch(`${app.httpUrl}/openapi.json`)).json()) as never;
  const { files } = await generateApi({ spec, output: false, silent: true, generateUnionEnums: true });
  await writeFile(join(folder, "client.ts"), files[0]?.fileContent ?? "");
  await writeFile(join(folder, "program.ts"), program);
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
});
afterAll(async () => {
  await app?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test("a generated client and a program that uses it have right types", async () => {
  const tsc = join(root, "node_modules/.bin/tsc");
  const { stdout } = await promisify(execFile)(tsc, ["--project", folder]).catch((failed) => failed);
  expect(stdout).toBe("");
});

test("a generated client creates a connection and a profile, lists them, and reads a problem", async () => {
  const { run } = (await import(join(folder, "program.ts"))) as {
    run: (baseUrl: string, token: string) => Promise<unknown[]>;
  };
  expect(await run(app.httpUrl, await app.token())).toEqual([
    expect.stringMatching(/^\d{4}-/),
    ["hugo"],
    expect.stringMatching(/^cp_/),
    { host: "127.0.0.1", username: "gina" },
    ["generated"],
    "PROFILE_NOT_FOUND",
  ]);
});
