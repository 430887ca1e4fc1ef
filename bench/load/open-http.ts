import { Agent, type IncomingMessage, request } from "node:http";
import type { Caller } from "./caller.ts";
import { createQuestions } from "./http-questions.ts";
import type { HttpProtocol, Target } from "./target.ts";

/** A client over HTTP/1.1 for Connect with binary messages, REST or MCP; one kept connection per caller. */
export async function openHttp(protocol: HttpProtocol, target: Target): Promise<Caller> {
  const agent = new Agent({ keepAlive: true, maxSockets: target.callers });
  const ask = createQuestions(protocol, target);
  const authorization = target.token === undefined ? {} : { authorization: `Bearer ${target.token}` };
  const common = { agent, host: "127.0.0.1", port: target.port };
  return {
    call: () =>
      new Promise((resolve, reject) => {
        const { method, path, headers, body, answered } = ask();
        request({ ...common, method, path, headers: { ...headers, ...authorization } }, (answer) =>
          check(answer, answered, resolve, reject),
        )
          .once("error", reject)
          .end(body);
      }),
    close: async () => agent.destroy(),
  };
}

function check(
  answer: IncomingMessage,
  answered: (status: number | undefined, body: Buffer) => boolean,
  resolve: () => void,
  reject: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  answer.on("data", (chunk: Buffer) => chunks.push(chunk));
  answer.once("error", reject);
  answer.once("end", () => {
    const body = Buffer.concat(chunks);
    if (answered(answer.statusCode, body)) resolve();
    else reject(new Error(`HTTP ${answer.statusCode} ${body}`));
  });
}
