import { Agent, type IncomingMessage, request } from "node:http";
import type { Caller, Target } from "./caller.ts";
import { createEncoder } from "./encode-request.ts";
import { methodPath } from "./method-path.ts";

/** A Connect client over HTTP/1.1 with binary messages; one kept connection per caller. */
export async function openConnect(target: Target): Promise<Caller> {
  const agent = new Agent({ keepAlive: true, maxSockets: target.callers });
  const encode = createEncoder(target);
  const options = {
    agent,
    host: "127.0.0.1",
    port: target.port,
    method: "POST",
    path: methodPath(target.method),
    headers: {
      "content-type": "application/proto",
      ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
    },
  };
  return {
    call: () =>
      new Promise((resolve, reject) => {
        request(options, (answer) => check(answer, resolve, reject))
          .once("error", reject)
          .end(encode());
      }),
    close: async () => agent.destroy(),
  };
}

function check(answer: IncomingMessage, resolve: () => void, reject: (error: Error) => void): void {
  const chunks: Buffer[] = [];
  answer.on("data", (chunk: Buffer) => chunks.push(chunk));
  answer.once("error", reject);
  answer.once("end", () => {
    if (answer.statusCode === 200 && chunks.length > 0) resolve();
    else reject(new Error(`HTTP ${answer.statusCode} ${Buffer.concat(chunks)}`));
  });
}
