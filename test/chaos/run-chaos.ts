import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "../support/random.ts";
import { check } from "./check/check.ts";
import type { Finding } from "./check/evidence.ts";
import { findGaps } from "./check/read-database.ts";
import { awaitServing } from "./cluster/await-serving.ts";
import { type Cluster, startCluster } from "./cluster/start-cluster.ts";
import { listFaults } from "./faults/list-faults.ts";
import { planRounds, type Round } from "./faults/plan-rounds.ts";
import { gatherEvidence, settle } from "./gather-evidence.ts";
import { createHistory } from "./load/history.ts";
import { startLoad } from "./load/start-load.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly rounds: number;
  /** How long faults are held at most, in milliseconds. */
  readonly longestHoldMs: number;
  /** Faults by name; all that are possible when empty. */
  readonly only: readonly string[];
  readonly print: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface ChaosReport {
  readonly findings: readonly Finding[];
  /** What could not be tried on this machine. */
  readonly missing: readonly string[];
  /** After each cure, how long it took until every server served, in milliseconds. */
  readonly recoveries: readonly number[];
  readonly acknowledged: number;
  readonly events: number;
  readonly messages: number;
  readonly watchStreams: number;
  /** Where the logs are, when something is wrong. */
  readonly logs: string | undefined;
}

/** How long is waited for a server that does not serve, and for what is not on Kafka or a watch: beyond any bar. */
const timeoutMs = 150_000;

/** Runs faults against a cluster under load, and checks what is left. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = createRandom(options.seed);
  const cluster = await startCluster();
  try {
    const possible = listFaults(cluster, random);
    const faults = options.only.length === 0 ? possible : possible.filter(({ name }) => options.only.includes(name));
    const unknown = options.only.filter((name) => !possible.some((fault) => fault.name === name));
    if (unknown.length > 0)
      throw new Error(`${unknown.join(", ")}: not one of ${possible.map(({ name }) => name).join(", ")}`);
    for (const reason of cluster.missing) options.print(`not tried on this machine: ${reason}`);
    const plan = planRounds({ rounds: options.rounds, faults, random, longestHoldMs: options.longestHoldMs });
    return await runRounds(options, cluster, plan);
  } finally {
    await cluster.stop();
  }
}

async function runRounds(options: ChaosOptions, cluster: Cluster, plan: readonly Round[]): Promise<ChaosReport> {
  const history = createHistory();
  const load = await startLoad(cluster, history, options.seed);
  const wrong: Finding[] = [];
  const recoveries: number[] = [];
  for (const [index, round] of plan.entries()) {
    if (options.signal?.aborted || wrong.length > 0) break;
    const before = history.counts();
    for (const fault of round.faults) await fault.begin();
    await sleep(round.holdMs);
    const cured = performance.now();
    await Promise.all(round.faults.map((fault) => fault.cure()));
    const still = await Promise.all(load.probed.map((one) => awaitServing(one, history, timeoutMs)));
    const took = performance.now() - cured;
    recoveries.push(took);
    for (const what of still) if (what !== undefined) wrong.push({ kind: "wrong answer", what });
    for (const what of await findGaps(cluster.database.url)) wrong.push({ kind: "skipped revision", what });
    const after = history.counts();
    options.print(
      `round ${index + 1}: ${round.faults.map(({ name }) => name).join(" and ")} for ${seconds(round.holdMs)}; ` +
        `serving again on all servers after ${seconds(took)}; acknowledged ${after.acknowledged - before.acknowledged}, ` +
        `unknown ${after.unknown - before.unknown}, refused ${after.refused - before.refused}`,
    );
    await sleep(1000);
  }
  await load.stopWriters();
  await settle(cluster, load.watches, timeoutMs);
  const evidence = await gatherEvidence(cluster, history, load);
  load.close();
  for (const what of cluster.servers.flatMap(({ ends }) => ends)) wrong.push({ kind: "wrong answer", what });
  const findings = [...wrong, ...check(evidence)];
  return {
    findings,
    missing: cluster.missing,
    recoveries,
    acknowledged: history.counts().acknowledged,
    events: evidence.database.events.length,
    messages: evidence.messages.length,
    watchStreams: evidence.watches.reduce((sum, { streams }) => sum + streams, 0),
    logs: findings.length === 0 ? undefined : await cluster.keepLogs(),
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
