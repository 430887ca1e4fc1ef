import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { openKnex } from "../../src/database/open-knex.ts";
import { expectAllPublished, expectSoundLog, readLog } from "../support/check-log.ts";
import { createLoad } from "../support/create-load.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { readTopic } from "../support/read-topic.ts";
import { startServer } from "../support/server-process.ts";

const kafka = await kafkaForTests();
const folder = await mkdtemp(join(tmpdir(), "connectory-outage-"));

/** How long the broker is away, in seconds. */
const outageSeconds = Number(process.env.OUTAGE_SECONDS ?? "60");

afterAll(async () => {
  await kafka.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("a broker that is away under load", () => {
  test.each(["killed", "frozen"] as const)(
    "%s: no create fails, and afterwards Kafka has everything, in order",
    { timeout: (outageSeconds + 90) * 1000 },
    async (how) => {
      const dataDir = join(folder, how);
      const prefix = `${how}.`;
      const server = await startServer({
        DATA_DIR: dataDir,
        KAFKA_BROKERS: kafka.brokers.join(","),
        KAFKA_TOPIC_PREFIX: prefix,
      });
      const knex = openKnex(
        { host: join(dataDir, "postgres"), port: 5432, user: "connectory", password: "", database: "connectory" },
        2,
      );
      const enough = new AbortController();
      const load = createLoad(server, { count: Number.POSITIVE_INFINITY, callers: 4, until: enough.signal });
      const published = () =>
        knex("event_cursor")
          .first("revision")
          .then((row?: { revision: bigint }) => row?.revision ?? 0n);
      await expect.poll(published).toBeGreaterThan(0n);

      if (how === "killed") await kafka.kill();
      else kafka.pause();
      await sleep(outageSeconds * 1000);
      if (how === "killed") await kafka.restart();
      else kafka.resume();
      enough.abort();
      const { acknowledged, failed } = await load;
      expect(failed).toEqual([]);
      expect(acknowledged.length).toBeGreaterThan(outageSeconds * 20);

      const log = await readLog(knex);
      expectSoundLog(log);
      await expect.poll(published, { timeout: 60_000, interval: 200 }).toBe(BigInt(log.events.length));
      const created = log.events.filter(({ type }) => type === "connection.created");
      expectAllPublished(created, await readTopic(kafka.brokers, `${prefix}connection-created`));
      await knex.destroy();
      expect(await server.end("SIGTERM")).toBe(0);
    },
  );
});
