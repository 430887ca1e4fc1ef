import { startBlackHole } from "../../test/support/servers/black-hole.ts";
import type { Compare } from "../compare.ts";
import { query } from "../database.ts";
import type { Measure } from "../load/measure.ts";
import { startLoad } from "../load/start-load.ts";
import type { Target } from "../load/target.ts";
import { median } from "../median.ts";
import type { Offer } from "../overload/offer.ts";
import { runOffer } from "../overload/run-offer.ts";
import { prepareProfiles } from "../profile/prepare-profiles.ts";
import { organization, startConnectory } from "../start-connectory.ts";
import { type Disturbance, listDisturbances } from "./disturbances.ts";

type Seen = Pick<Measure, "perSecond" | "p99Ms">;

/** What is left of an organization's rate, and how much longer its slowest calls may take. */
const bars = { rate: 0.9, p99: 1.5 };
const window = { warmUpMs: 1000, measuredMs: 5000 };
/** Of the organization that does nothing wrong. */
const callersOf: Partial<Record<Target["method"], number>> = { TestConnectionProfile: 4 };
const usualCallers = 8;

/** What an organization asks for that does not ask as often as it can: creates and reads in equal parts. */
const steady = { perSecond: 200, seconds: 6, callers: 1, maxStreams: 990 };

/**
 * Each disturbance of one organization beside the calls of another: by callers who ask again when they are answered, and again at
 * a steady rate where both need the processor, of which nobody can have 0.9 beside another. The calls alone and beside it take
 * turns, and the medians of the rounds are compared; a call that is not OK ends the run.
 */
export const measureNeighbours: Compare = async ({ folder, rounds, stack, say }) => {
  const limits = { TESTS_MAX_PER_ORGANIZATION: "10", TESTS_MAX_PER_TARGET: "5", LOG_LEVEL: "fatal" };
  const server = await startConnectory(`${folder}/neighbours`, limits);
  stack.defer(server.stop);
  const hole = await startBlackHole();
  stack.defer(hole.stop);
  const load = startLoad();
  stack.defer(load.stop);
  const { grpcPort: port, token, database } = server;
  await load.drive({ protocol: "grpc", port, token, method: "CreateConnection", callers: 8, ids: [] }, window);
  const known = await query(database, "select id from connection where organization_id = $1 limit 1000", [
    organization,
  ]);
  const profiles = await prepareProfiles(server, load, stack);
  const disturbances = await listDisturbances(server, { targetPort: profiles.target.port, silentPort: hole.silent });

  const rows: string[] = [];
  let met = true;
  const measure = async (name: string, calls: string, begin: Disturbance["begin"], drive: () => Promise<Seen>) => {
    const alone: Seen[] = [];
    const beside: Seen[] = [];
    for (let round = 0; round < rounds; round += 1) {
      alone.push(await drive());
      const end = await begin();
      beside.push(await drive());
      say(`${name}: ${await end()}`);
    }
    const compared = compare(alone, beside);
    rows.push(`| ${name} | ${calls} | ${compared.cells} |`);
    met &&= compared.met;
  };
  const ids = known.map(({ id }) => String(id));
  for (const { name, method, begin, needsProcessor = false } of disturbances) {
    const ofProfiles = method === "TestConnectionProfile";
    const target: Target = {
      protocol: "grpc",
      port,
      method,
      callers: callersOf[method] ?? usualCallers,
      token: ofProfiles ? profiles.tested.token : token,
      ids: ofProfiles ? profiles.tested.ids : ids,
    };
    await measure(name, method, begin, () => load.drive(target, window));
    if (needsProcessor)
      await measure(name, `${steady.perSecond} a second`, begin, () => callSteadily({ ...steady, port, token, ids }));
  }
  const head = [
    "| one organization | another calls | a second, alone | beside it | share | p99, alone | beside it | times | bar |",
    "|---|---|---|---|---|---|---|---|---|",
  ];
  return { line: [...head, ...rows].join("\n"), met };
};

async function callSteadily(offer: Offer): Promise<Seen> {
  const { good, late, refused, failed, seconds, p99 } = await runOffer(offer, 0);
  if (refused + failed > 0) throw new Error(`${refused} calls were refused, ${failed} failed`);
  return { perSecond: (good + late) / seconds, p99Ms: p99 };
}

function compare(alone: readonly Seen[], beside: readonly Seen[]) {
  const of = (all: readonly Seen[], value: (one: Seen) => number) => median(all.map(value));
  const rates = [of(alone, ({ perSecond }) => perSecond), of(beside, ({ perSecond }) => perSecond)] as const;
  const p99s = [of(alone, ({ p99Ms }) => p99Ms), of(beside, ({ p99Ms }) => p99Ms)] as const;
  const [rate, p99] = [rates[1] / rates[0], p99s[1] / p99s[0]];
  const met = rate >= bars.rate && p99 <= bars.p99;
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const cells = [
    ...[rates[0].toFixed(0), rates[1].toFixed(0), rate.toFixed(2)],
    ...[ms(p99s[0]), ms(p99s[1]), p99.toFixed(2), met ? "met" : "missed"],
  ].join(" | ");
  return { cells, met };
}
