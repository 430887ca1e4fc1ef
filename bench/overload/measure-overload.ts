import { readFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import type { Compare } from "../compare.ts";
import { query } from "../database.ts";
import { organization, startConnectory } from "../start-connectory.ts";
import type { Offer, Offered } from "./offer.ts";
import { runOffer } from "./run-offer.ts";

const seconds = 20;
const callers = 128;
const times = 3;
const steadyPerSecond = 30;

/**
 * The most that 128 callers get answered, half creates and half reads, and then three times as many calls as that, made whether
 * the server answers or not: by one organization, and by one beside another that makes 30 calls a second. Nothing is asked of it:
 * it shows how much of the peak is left, and how long a health check waits.
 */
export const measureOverload: Compare = async ({ folder, stack, say }) => {
  const server = await startConnectory(`${folder}/overload`);
  stack.defer(server.stop);
  const { token } = server;
  const grpc = { port: server.grpcPort, maxStreams: 990 };
  const http = { port: server.httpPort, maxStreams: 250 };
  const offerOf = (more: Partial<Offer>): Offer => ({ ...grpc, token, ids: [], callers, seconds, ...more });
  const others = await server.issueToken("steady");
  // Reads need something to read: what these creates write.
  const prepare = { seconds: 3, callers: 32, ids: ["00000000-0000-7000-8000-000000000000"] };
  for (const who of [token, others]) await runOffer(offerOf({ ...prepare, token: who }));
  const idsOf = async (organization: string) => {
    const statement = `select id from connection where organization_id = '${organization}' limit 1000`;
    return (await query(server.database, statement)).map(({ id }) => String(id));
  };
  const ids = await idsOf(organization);
  const idsOfOthers = await idsOf("steady");

  const measure = async (name: string, port: typeof grpc) => {
    say(`${name}: peak, ${callers} callers, ${seconds} s`);
    const [peak, calm] = await watched(server.httpPort, runOffer(offerOf({ ...port, ids })));
    const perSecond = Math.round((times * peak.good) / peak.seconds);
    say(`${perSecond} calls a second offered, ${seconds} s`);
    const before = await rssOf(server.pid);
    const [flood, health] = await watched(server.httpPort, runOffer(offerOf({ ...port, ids, perSecond })));
    const after = await rssOf(server.pid);
    say(`the same beside another organization, ${seconds} s`);
    const steady = runOffer(offerOf({ ...port, token: others, ids: idsOfOthers, perSecond: steadyPerSecond }), 0);
    const [beside, besideHealth] = await watched(server.httpPort, runOffer(offerOf({ ...port, ids, perSecond })));
    const small = await steady;

    const row = (what: string, { calls, good, late, refused, failed, p99, seconds: s }: Offered, waits?: number[]) =>
      `| ${name}: ${what} | ${Math.round(calls / s)} | ${Math.round(good / s)} | ${(good / s / (peak.good / peak.seconds)).toFixed(2)} | ${late} | ${refused} | ${failed} | ${p99.toFixed(0)} ms | ${
        waits === undefined ? "" : `${at(waits, 0.99).toFixed(0)} ms, ${at(waits, 1).toFixed(0)} ms`
      } |`;
    return [
      row(`peak, ${callers} callers`, peak, calm),
      row(`${times} times the peak`, flood, health),
      row("the same beside another", beside, besideHealth),
      row(`the other, ${steadyPerSecond} a second`, small),
      `| ${name}: RSS | ${before} MB before, ${after} MB after, ${await highestRssOf(server.pid)} MB at its peak |`,
    ];
  };
  const line = [
    "| calls | made a second | answered within 1 s, a second | of the peak | later | refused | failed | p99 | /healthz p99, longest |",
    "|---|---|---|---|---|---|---|---|---|",
    ...(await measure("gRPC", grpc)),
    ...(await measure("gRPC, HTTP port", http)),
  ].join("\n");
  return { line, met: true };
};

/** Asks `/healthz` ten times a second meanwhile, and answers with how long that took each time, in milliseconds. */
async function watched(port: number, work: Promise<Offered>): Promise<[Offered, number[]]> {
  const waits: number[] = [];
  const agent = new Agent({ keepAlive: true });
  const ask = () => {
    const asked = performance.now();
    get({ port, host: "127.0.0.1", path: "/healthz", agent }, (response) => {
      response.resume();
      response.once("end", () => waits.push(performance.now() - asked));
    }).once("error", () => waits.push(Number.POSITIVE_INFINITY));
  };
  const timer = setInterval(ask, 100);
  const offered = await work;
  clearInterval(timer);
  agent.destroy();
  return [offered, waits];
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function rssOf(pid: number, field = "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

const highestRssOf = (pid: number) => rssOf(pid, "VmHWM");
