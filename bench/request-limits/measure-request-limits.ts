import { join } from "node:path";
import type { DescMethod } from "@bufbuild/protobuf";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { maxRequestBytes } from "../../src/server/request-limits/check-request.ts";
import type { Compare } from "../compare.ts";
import { startConnectory } from "../start-connectory.ts";
import { createHeaderSenders, largeHeaders } from "./large-headers.ts";
import { allowedRequests, type LargeRequest, largeQueries, largeRequests, tooLargeRequests } from "./large-requests.ts";
import { longestStretch, watched } from "./longest-stretch.ts";
import { createSenders, type Send, type Server } from "./send-requests.ts";

/** A little below the limit of all messages, for what is around them. */
const bytes = 4 * 1024 * 1024 - 1024;
/** The bar: so many milliseconds of the main thread at a stretch. */
const maxStretchMs = 100;
/** A measurement above this many milliseconds is repeated, and the shortest counts: a major collection of garbage can fall into any. */
const suspicious = 40;
const repetitions = 3;

const methods = [ConnectionService, ConnectionProfileService].flatMap((service) => service.methods);

/** The longest that a request has held the main thread up, of one RPC over one protocol. */
interface Longest {
  readonly ms: number;
  readonly request: string;
}

/**
 * Each RPC over each protocol with requests of up to 4 MB that are as expensive as can be, one after the other, against a
 * server as it is started by `npm start`. No request may take the main thread more than 100 ms at a stretch.
 */
export const measureRequestLimits: Compare = async ({ folder, stack, say }) => {
  const tables: string[] = [];
  let met = true;
  for (const level of ["info", "debug"]) {
    const socket = join(folder, `main-thread-${level}`);
    // Nothing is dialled: a request that is let through may name anything.
    const environment = { LOG_LEVEL: level, EGRESS_DENY: "*", CORS_ORIGINS: "http://a.example", ...watched(socket) };
    const server = await startConnectory(join(folder, `limits-${level}`), environment, "ignore");
    stack.defer(server.stop);
    const { senders, close } = createSenders(server);
    const rows = new Map<string, Map<string, Longest>>();
    let sent = 0;
    for (const method of methods) {
      const row = new Map<string, Longest>();
      rows.set(method.name, row);
      for (const large of requestsOf(method, level === "info"))
        for (const [protocol, send] of Object.entries(senders))
          for (const isGzip of large.isGzipToo === true ? [false, true] : [false]) {
            const ms = await measure(socket, send(method, large, isGzip));
            if (ms === undefined) continue;
            sent += 1;
            if (ms > (row.get(protocol)?.ms ?? -1))
              row.set(protocol, { ms, request: `${large.name}${isGzip ? ", gzip" : ""}` });
          }
      say(`${level}: ${method.name}: ${describe([...row])}`);
    }
    close();
    if (level === "info") {
      const headers = await measureHeaders(server, socket);
      sent += headers.sent;
      rows.set("any, with a header of 12 kB", headers.longest);
      say(`${level}: headers: ${describe([...headers.longest])}`);
    }
    await server.stop();
    const longest = [...rows.values()]
      .flatMap((row) => [...row.values()].map(({ ms }) => ms))
      .reduce((a, b) => Math.max(a, b));
    met &&= longest <= maxStretchMs;
    tables.push(
      `LOG_LEVEL=${level}: ${sent} requests, at most ${longest.toFixed(0)} ms of the main thread at a stretch (bar: ${maxStretchMs}, ${longest <= maxStretchMs ? "met" : "missed"})`,
      "",
      ...table(rows, [...Object.keys(senders), ...(level === "info" ? ["CORS"] : [])]),
      "",
    );
  }
  return { line: tables.join("\n"), met };
};

/** Header fields that are as long as they can be, with values that a pattern could take long for. */
async function measureHeaders(server: Server, socket: string) {
  const longest = new Map<string, Longest>();
  const { senders, close } = createHeaderSenders(server);
  let sent = 0;
  for (const { name, headers } of largeHeaders())
    for (const [protocol, send] of Object.entries(senders)) {
      const ms = (await measure(socket, () => send(headers))) ?? 0;
      sent += 1;
      if (ms > (longest.get(protocol)?.ms ?? -1)) longest.set(protocol, { ms, request: name });
    }
  close();
  return { longest, sent };
}

async function measure(socket: string, once: ReturnType<Send>): Promise<number | undefined> {
  if (once === undefined) return undefined;
  let shortest = Number.POSITIVE_INFINITY;
  for (let times = 0; times < repetitions; times += 1) {
    await longestStretch(socket);
    await once();
    shortest = Math.min(shortest, await longestStretch(socket));
    if (shortest < suspicious) break;
  }
  return shortest;
}

/** What is refused by its size or its counts is in no log, so the level of the log does not matter to it: `all` are sent once. */
function* requestsOf(method: DescMethod, all: boolean): Generator<LargeRequest> {
  yield* allowedRequests(method, bytes);
  if (!all) return;
  const own = maxRequestBytes(method.input, bytes);
  yield* largeRequests(method, own);
  if (own < bytes) yield* tooLargeRequests(method, bytes); // refused unseen
  yield* largeQueries(method);
}

/** The longest ones first. */
function describe(row: readonly (readonly [string, Longest])[]): string {
  return row
    .toSorted(([, a], [, b]) => b.ms - a.ms)
    .slice(0, 3)
    .map(([protocol, { ms, request }]) => `${protocol} ${ms.toFixed(0)} ms (${request})`)
    .join(", ");
}

function table(rows: ReadonlyMap<string, ReadonlyMap<string, Longest>>, protocols: readonly string[]): string[] {
  const cells = [...rows].map(([name, row]) => [name, ...protocols.map((one) => row.get(one)?.ms.toFixed(0) ?? "")]);
  const lines = [["ms", ...protocols], protocols.map(() => "---:").toSpliced(0, 0, "---"), ...cells];
  return lines.map((line) => `| ${line.join(" | ")} |`);
}
