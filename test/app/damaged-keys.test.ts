import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canary } from "../support/canary.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

/** A service that has stored a secret, and was stopped. */
const folder = await mkdtemp(join(tmpdir(), "connectory-damaged-"));
const fileOf = (name: string) => join(folder, name);
const running: ServerProcess[] = [];

async function start(): Promise<ServerProcess> {
  const server = await startServer({ DATA_DIR: folder });
  running.push(server);
  return server;
}

beforeAll(async () => {
  const server = await start();
  const created = await fetch(`${server.httpUrl}/v1/connection_profiles`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
    body: JSON.stringify({
      name: "a",
      config: { postgres: { host: "db.example", username: "ann", password: canary("kept") } },
    }),
  });
  expect(created.status).toBe(200);
  await server.end("SIGTERM");
});
afterAll(async () => {
  await Promise.all(running.map((server) => server.end("SIGTERM")));
  await rm(folder, { recursive: true, force: true });
});

const refusal = () =>
  start().then(
    () => "it has started",
    (error: Error) => error.message,
  );

test.each([
  ["secret-key.json", "Put it back from a backup: without it"],
  ["issuer-key.json", "Put it back from a backup, or remove it"],
])("a damaged %s is named, and the database is not even started", async (name, remedy) => {
  const [file, good] = [fileOf(name), await readFile(fileOf(name), "utf8")];
  const database = await readdir(fileOf("postgres"));
  for (const damaged of ["", good.slice(0, -20), "{}"]) {
    await writeFile(file, damaged);
    const said = await refusal();
    expect(said).toContain("ended with 1");
    expect(said).toContain(`${file}: the file is damaged`);
    expect(said).toContain(remedy);
    expect(said).not.toContain(good.slice(-40, -20));
    expect(said.trim().split("\n")).toHaveLength(1);
    expect(await readFile(file, "utf8")).toBe(damaged);
  }
  expect(await readdir(fileOf("postgres"))).toEqual(database);
  await writeFile(file, good);
});

test("a secret-key.json that is gone is not made again where secrets are stored, and the start says which key it had", async () => {
  const { id } = JSON.parse(await readFile(fileOf("secret-key.json"), "utf8"));
  await rename(fileOf("secret-key.json"), fileOf("kept.json"));
  expect(await refusal()).toContain(
    `${id}: stored secrets need this key, and it is not in ${fileOf("secret-key.json")}`,
  );
  expect(await readdir(folder)).not.toContain("secret-key.json");
  await rename(fileOf("kept.json"), fileOf("secret-key.json"));
  await (await start()).end("SIGTERM");
});
