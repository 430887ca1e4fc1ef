import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { startServer } from "../support/server-process.ts";
import { signalEmbeddedPostgres } from "./signal-embedded-postgres.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Longer than a connection may be silent (35 s), so that the pool has given its connections up before the end. */
const frozenMs = 45_000;

test("a service whose embedded database was frozen for 45 s serves again without a restart, and loses nothing", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "connectory-frozen-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startServer({ DATA_DIR: dataDir });
  cleanups.push(() => server.end("SIGTERM"));
  let user = 0;
  const create = async () => {
    const response = await fetch(`${server.httpUrl}/v1/connections`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
      body: JSON.stringify({ userId1: "hub", userId2: `user-${user++}` }),
    });
    const answer = (await response.json()) as { code?: string; connection?: { id: string } };
    return { code: answer.code ?? "OK", id: answer.connection?.id };
  };
  const statusOf = async (path: string) => (await fetch(`${server.httpUrl}${path}`)).status;
  const first = await create();
  expect(first.code).toBe("OK");

  await signalEmbeddedPostgres(dataDir, "SIGSTOP");
  const waited = sleep(frozenMs);
  expect((await create()).code).toBe("UNAVAILABLE");
  await expect.poll(() => statusOf("/readyz")).toBe(503);
  expect(await statusOf("/healthz")).toBe(200);
  await waited;
  await signalEmbeddedPostgres(dataDir, "SIGCONT");

  await expect.poll(async () => (await create()).code).toBe("OK");
  await expect.poll(() => statusOf("/readyz")).toBe(200);
  const read = await fetch(`${server.httpUrl}/v1/connections/${first.id}`, {
    headers: { authorization: `Bearer ${server.token}` },
  });
  expect(read.status).toBe(200);
  expect(server.child.exitCode).toBeNull();
});
