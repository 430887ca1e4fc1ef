import { setTimeout as sleep } from "node:timers/promises";
import type { Evidence } from "./check/evidence.ts";
import { countUnpublished, readDatabase } from "./check/read-database.ts";
import { readKafka } from "./check/read-kafka.ts";
import { readLists } from "./check/read-lists.ts";
import type { Cluster } from "./cluster/start-cluster.ts";
import type { History } from "./load/history.ts";
import type { Load, RunningWatch } from "./load/start-load.ts";

/** Waits until everything is on Kafka and on the watches, or for as long as anything may take: what is missing then is missing. */
export async function settle(
  { database }: Cluster,
  watches: readonly RunningWatch[],
  timeoutMs: number,
): Promise<void> {
  const until = performance.now() + timeoutMs;
  // A watch says nothing of profiles: it has come to the end when it has the last change of a connection.
  const last = new Map<string, bigint>();
  const { events } = await readDatabase(database.url);
  for (const { organization, type, revision } of events)
    if (type.startsWith("connection.")) last.set(organization, revision);
  const isBehind = (watch: RunningWatch) => watch.position() < (last.get(watch.organization) ?? 0n);
  while (performance.now() < until) {
    if ((await countUnpublished(database.url)) === 0 && !watches.some(isBehind)) return;
    await sleep(250);
  }
}

/** All that the checker looks at. */
export async function gatherEvidence(cluster: Cluster, history: History, load: Load): Promise<Evidence> {
  const [broker = ""] = cluster.kafka.brokers;
  const lists = cluster.servers.flatMap(({ name, httpUrl }) =>
    [...load.tokens].map(([organization, token]) =>
      readLists({ server: name, httpUrl, organization, token, users: load.users.get(organization) ?? [] }),
    ),
  );
  return {
    operations: history.operations,
    reads: history.reads,
    answers: history.answers(),
    watches: load.watches,
    database: await readDatabase(cluster.database.url),
    lists: await Promise.all(lists),
    messages: await readKafka(broker),
  };
}
