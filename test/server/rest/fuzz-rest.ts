import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { createRandom } from "../../support/random.ts";
import { type BrokenRequest, breakRequest } from "./break-request.ts";
import { type CallRest, callRest, problem } from "./call-rest.ts";
import { sampleRequest } from "./sample-requests.ts";

/** FUZZ_SEED repeats a run. */
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const atOnce = 24;
/** Nothing that is asked for here takes a second; a request that takes that long hangs. */
const hangMs = 60_000;

/** A caller of the fuzz, and what the others' answers must never hold. */
interface Party {
  readonly org: string;
  readonly token: string;
  readonly canary: string;
  readonly ids: readonly string[];
}

let app: TestApp;
let parties: readonly [Party, Party, Party];
let untouched: CallRest;
beforeAll(async () => {
  app = await startTestApp({ LOG_LEVEL: "error", TEST_TIMEOUT_MS: "1000", MAX_MESSAGE_BYTES: "200000" });
  parties = [await plant("red"), await plant("blue"), await plant("untouched")];
  untouched = callRest(app, parties[2].token);
});
afterAll(() => app.stop());

/** Gives an organization a profile and a connection whose every text is marked. */
async function plant(org: string): Promise<Party> {
  const canary = `canary-${org}`;
  const token = await app.token({ org, user: `${canary}-caller` });
  const call = callRest(app, token);
  const profile = await call("POST /v1/connection_profiles", {
    body: {
      name: `${canary}-profile`,
      connector: "kafka",
      config: {
        bootstrap_servers: `${canary}.example:9092`,
        sasl: { protocol: "SASL_SSL", mechanism: "PLAIN", username: `${canary}-user`, password: `${canary}-password` },
      },
      labels: { owner: canary },
    },
  });
  const connection = await call("POST /v1/connections", { body: { userId1: `${canary}-1`, userId2: `${canary}-2` } });
  expect([profile.status, connection.status]).toEqual([200, 201]);
  return { org, token, canary, ids: [profile.json.id, connection.json.connection.id] };
}

const agent = new Agent({ keepAlive: true, maxSockets: atOnce });

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends a request. Of a stream that does not end the beginning is enough. */
function send({ method, url, headers, body }: BrokenRequest): Promise<Reply> {
  const { hostname, port } = new URL(app.httpUrl);
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const sent = request(
      { agent, hostname, port, method, path: url, headers: { ...headers, ...length } },
      (response) => {
        let text = "";
        const done = () => {
          clearTimeout(hang);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        };
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", done);
        if (!/event-stream|ndjson/.test(response.headers["content-type"] ?? "")) return;
        setTimeout(() => {
          done();
          response.destroy();
        }, 200);
      },
    );
    const hang = setTimeout(() => sent.destroy(new Error(`no answer within ${hangMs} ms`)), hangMs);
    sent.on("error", (error) => {
      clearTimeout(hang);
      reject(error);
    });
    sent.end(body);
  });
}

/** What is wrong with an answer; undefined when nothing is. */
function complaint({ status, headers, text }: Reply, sent: BrokenRequest, caller: Party): string | undefined {
  const others = parties.filter((party) => party !== caller);
  const leak = others.find(({ canary }) => text.includes(canary) || JSON.stringify(headers).includes(canary));
  if (leak !== undefined) return `${caller.org} sees something of ${leak.org}`;
  if (status >= 500) return `status ${status}`;
  const type = headers["content-type"] ?? "";
  if (status === 204 || status === 304 || sent.method === "HEAD" || headers["content-encoding"] !== undefined)
    return undefined;
  if (status < 400) return /event-stream|ndjson/.test(type) || JSON.parse(text) !== undefined ? undefined : "no JSON";
  if (type !== "application/problem+json; charset=utf-8") return `an error of type ${type}`;
  const body = JSON.parse(text);
  if (!expect.objectContaining(problem(status, body.reason)).asymmetricMatch(body)) return "no problem detail";
  return undefined;
}

/** Sends so many. A fuzz that never gets anywhere finds nothing: of the statuses that it should reach, it must reach each. */
export function fuzzRest(total: number, reaches: readonly number[]): void {
  test(`${total} broken requests from seed ${seed}: no 5xx, no hang, nothing of others`, { timeout: 600_000 }, () =>
    sendBroken(total, reaches),
  );
}

async function sendBroken(total: number, reaches: readonly number[]): Promise<void> {
  const random = createRandom(seed);
  const before = await Promise.all(
    ["connection_profiles", "connections?userId=canary-untouched-1"].map((path) => untouched(`GET /v1/${path}`)),
  );
  const [red, blue] = parties;
  const ids = [...parties.flatMap((party) => party.ids), "cp_00000000000000000000", "kafka", "nope"];
  const viewer = await app.token({ org: "red", roles: ["viewer"] });
  const statuses = new Map<number, number>();
  const wrong: unknown[] = [];
  let left = total;
  const remember = ({ status, text }: Reply) => {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const made = /"id":"(cp_\w+|[0-9a-f-]{36})"/.exec(text)?.[1];
    if (made !== undefined) ids[10 + random.below(90)] = made;
  };
  const worker = async () => {
    while (left-- > 0 && wrong.length < 5) {
      const caller = random.pick([red, blue]);
      const token = random.onceIn(20) ? "x" : caller === red && random.onceIn(10) ? viewer : caller.token;
      const broken = breakRequest(random, sampleRequest(random, ids.filter(Boolean)), {
        authorization: `Bearer ${token}`,
      });
      const reply = await send(broken).catch((error: unknown) => error as Error);
      const what = reply instanceof Error ? reply.message : complaint(reply, broken, caller);
      if (what !== undefined)
        wrong.push({ what, sent: { ...broken, body: broken.body?.toString().slice(0, 2000) }, reply });
      else remember(reply as Reply);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  agent.destroy();
  expect(wrong).toEqual([]);
  for (const status of reaches) expect([status, (statuses.get(status) ?? 0) > 0]).toEqual([status, true]);
  const after = await Promise.all(
    ["connection_profiles", "connections?userId=canary-untouched-1"].map((path) => untouched(`GET /v1/${path}`)),
  );
  expect([after[0]?.json, after[1]?.json.connections]).toEqual([before[0]?.json, before[1]?.json.connections]);
  expect(app.logged).toEqual([]);
}
