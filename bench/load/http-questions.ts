import { randomUUID } from "node:crypto";
import type { OutgoingHttpHeaders } from "node:http";
import { createEncoder } from "./encode-request.ts";
import { methodPath } from "./method-path.ts";
import type { HttpProtocol, Target } from "./target.ts";

/** A call as a request, and how to tell that its answer is a good one. */
export interface Question {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | string;
  answered(status: number | undefined, body: Buffer): boolean;
}

const json = { "content-type": "application/json" };
const questions: Readonly<Record<HttpProtocol, (target: Target) => () => Question>> = {
  connect: (target) => {
    const encode = createEncoder(target);
    const headers = { "content-type": "application/proto" };
    const path = methodPath(target.method);
    const answered: Question["answered"] = (status, body) => status === 200 && body.length > 0;
    return () => ({ method: "POST", path, headers, body: encode(), answered });
  },
  rest: (target) => {
    const answered: Question["answered"] = (status) => status === 200 || status === 201;
    const path = "/v1/connections";
    if (target.method === "CreateConnection")
      return () => ({ method: "POST", path, headers: json, body: JSON.stringify(newPair()), answered });
    const nextId = inTurn(target);
    return () => ({ method: "GET", path: `${path}/${nextId()}`, headers: {}, body: "", answered });
  },
  mcp: (target) => {
    const nextId = inTurn(target);
    const headers = { ...json, accept: "application/json, text/event-stream" };
    const create = target.method === "CreateConnection";
    const name = create ? "createConnection" : "getConnection";
    // The result of a tool that failed has HTTP status 200 too.
    const answered: Question["answered"] = (status, body) => status === 200 && body.includes('"structuredContent"');
    return () => {
      const params = { name, arguments: create ? newPair() : { id: nextId() } };
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
      return { method: "POST", path: "/mcp", headers, body, answered };
    };
  },
};

/** Answers with the next request of a target's method, of connections alone but for Connect. */
export function createQuestions(protocol: HttpProtocol, target: Target): () => Question {
  if (protocol !== "connect" && target.method !== "CreateConnection" && target.method !== "GetConnection")
    throw new Error(`${target.method} is not driven over ${protocol}`);
  return questions[protocol](target);
}

function newPair() {
  return { userId1: `a${randomUUID()}`, userId2: `b${randomUUID()}` };
}

function inTurn({ ids }: Target): () => string {
  let turn = 0;
  return () => ids[turn++ % ids.length] ?? "";
}
