import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Call, Caller } from "../load/answer.ts";
import { eventOf, type History } from "../load/history.ts";
import { openGrpc } from "../load/open-grpc.ts";
import type { SupervisedServer } from "./supervise-server.ts";

/** A server, and how it is called over both protocols. */
export interface Probed {
  readonly server: SupervisedServer;
  readonly grpc: Caller;
  readonly rest: Caller;
}

export const probeOrganization = "probe";

/** One good answer may come from the one connection that works: this many in a row. */
const inARow = 5;

/**
 * Waits until a server serves: `/readyz` and grpc.health say so, a connection is created over gRPC and read over REST, several times
 * in a row. Answers with what is wrong when that takes longer than the limit.
 */
export async function awaitServing(probed: Probed, history: History, limitMs: number): Promise<string | undefined> {
  const until = performance.now() + limitMs;
  let wrong: string | undefined = "it was not asked";
  for (let good = 0; good < inARow; await sleep(100)) {
    wrong = await whatIsWrong(probed, history);
    good = wrong === undefined ? good + 1 : 0;
    if (performance.now() > until) return `${probed.server.name} does not serve: ${wrong}`;
  }
  return undefined;
}

async function whatIsWrong({ server, grpc, rest }: Probed, history: History): Promise<string | undefined> {
  const ready = await fetch(`${server.httpUrl}/readyz`, { signal: AbortSignal.timeout(5000) }).then(
    ({ status }) => status,
    () => "no answer",
  );
  if (ready !== 200) return `/readyz: ${ready}`;
  const health = await askHealth(server.grpcAddress);
  if (health !== "SERVING") return `grpc.health: ${health}`;
  const id = randomUUID();
  const created = await ask(grpc, history, {
    name: "create-connection",
    id,
    requestId: randomUUID(),
    users: ["hub-probe", `user-${id}`],
  });
  const operation = { organization: probeOrganization, type: eventOf["create-connection"], key: id };
  history.ended(operation, created, false);
  if (created.code !== "OK") return `create over gRPC: ${created.code} ${created.reason} ${created.text}`;
  const read = await ask(rest, history, { name: "get-connection", id });
  if (read.state !== "active") return `get over REST: ${read.code} ${read.reason} ${read.text}`;
  return undefined;
}

async function ask(caller: Caller, history: History, call: Call): Promise<Answer> {
  const answer = await caller.call(call);
  history.answered(call.name, answer);
  return answer;
}

/** What grpc.health says of the whole server. */
export async function askHealth(grpcAddress: string): Promise<string> {
  const grpc = openGrpc(grpcAddress);
  let status = "no answer";
  const { message } = await grpc.run({
    path: "/grpc.health.v1.Health/Check",
    token: "",
    message: new Uint8Array(),
    signal: AbortSignal.timeout(5000),
    // HealthCheckResponse: field 1, a varint.
    onMessage: (bytes) => {
      status = bytes[1] === 1 ? "SERVING" : `not serving (${bytes[1]})`;
    },
  });
  grpc.close();
  return status === "no answer" ? `${status} ${message}` : status;
}
