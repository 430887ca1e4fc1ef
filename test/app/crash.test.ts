import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openKnex } from "../../src/database/open-knex.ts";
import { expectAllPublished, expectSoundLog, readLog } from "../support/check-log.ts";
import { createLoad } from "../support/create-load.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { readTopic } from "../support/read-topic.ts";
import { startServer } from "../support/server-process.ts";

const kafka = await kafkaForTests();
const folder = await mkdtemp(join(tmpdir(), "connectory-crash-"));

afterAll(async () => {
  await kafka.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The database of a running server, on the socket in its DATA_DIR. */
function openDatabaseOf(dataDir: string) {
  const host = join(dataDir, "postgres");
  return openKnex({ host, port: 5432, user: "connectory", password: "", database: "connectory" }, 2);
}

describe.each([
  ["the server", false],
  ["the server and its database", true],
])("kill -9 of %s in the middle of 5 000 creates", (name, databaseToo) => {
  test("loses nothing that was acknowledged, and Kafka gets every event in order", { timeout: 120_000 }, async () => {
    const dataDir = join(folder, databaseToo ? "both" : "one");
    const prefix = databaseToo ? "both." : "one.";
    const environment = { DATA_DIR: dataDir, KAFKA_BROKERS: kafka.brokers.join(","), KAFKA_TOPIC_PREFIX: prefix };
    const server = await startServer(environment);
    const postmaster = Number((await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8")).split("\n")[0]);

    let killed: Promise<unknown> | undefined;
    const { acknowledged, failed } = await createLoad(server, {
      count: 5000,
      callers: 64,
      onAcknowledged: (total) => {
        if (total < 2000 || killed !== undefined) return;
        if (databaseToo) process.kill(postmaster, "SIGKILL");
        killed = server.end("SIGKILL");
      },
    });
    await killed;
    expect([name, acknowledged.length >= 2000, failed.length > 0]).toEqual([name, true, true]);

    const again = await startServer(environment);
    const knex = openDatabaseOf(dataDir);
    const log = await readLog(knex);
    for (const id of acknowledged) if (!log.ids.has(id)) throw new Error(`${id} was acknowledged and is not there`);
    expectSoundLog(log);

    await expect
      .poll(() => knex("event_cursor").pluck("revision"), { timeout: 60_000, interval: 200 })
      .toEqual([BigInt(log.events.length)]);
    for (const type of ["connection.created", "connection.deleted"]) {
      const events = log.events.filter((event) => event.type === type);
      const topic = type.replace(".", "-");
      expectAllPublished(events, await readTopic(kafka.brokers, `${prefix}${topic}`));
      expectAllPublished(events, await readTopic(kafka.brokers, `${prefix}connectory-dbevent-${topic}`));
    }
    await knex.destroy();
    expect(await again.end("SIGTERM")).toBe(0);
  });
});
