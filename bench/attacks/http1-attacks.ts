import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Attack,
  type AttackTarget,
  again,
  attackerAddress,
  type Count,
  grpcWebStatusIn,
  reasonIn,
} from "./attack.ts";
import { emptyPairsGzip, emptyPairsJson, frame, unknownKeysJson } from "./payloads.ts";

const connections = "/connectory.v1.ConnectionService/";
const agent = new Agent({ keepAlive: true, maxSockets: 20 });

/** Resolves when the answer is there, which is counted; rejects when there is none after a while. */
function send(
  { httpPort, token }: AttackTarget,
  count: Count,
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
  method = "POST",
): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        agent,
        host: "127.0.0.1",
        port: httpPort,
        localAddress: attackerAddress,
        method,
        path,
        timeout: 30_000,
        headers: { authorization: `Bearer ${token}`, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const body = Buffer.concat(chunks).subarray(0, 10_000);
          count(`${response.statusCode} ${grpcWebStatusIn(body)}${reasonIn(body)}`.trim());
          resolve();
        });
      },
    );
    call.on("timeout", () => call.destroy(new Error("no answer")));
    call.on("error", (error: NodeJS.ErrnoException) => {
      count(error.code ?? error.message);
      reject(error);
    });
    call.end(body);
  });
}

/** One request after the other. */
export const repeated =
  (path: string, body: () => string | Uint8Array, headers: Readonly<Record<string, string>>, pauseMs = 100): Attack =>
  (target, signal, count) =>
    again(signal, pauseMs, () => send(target, count, path, body(), headers));

export const json = { "content-type": "application/json" };
const gzipProto = { "content-type": "application/proto", "content-encoding": "gzip" };
const pairsPath = `${connections}BatchCheckConnections`;
export const mcp = { ...json, accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18" };
export const toolCall = (tool: string, body: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${body}}}`;
const tooLong = Buffer.alloc(5_000_000, 32);

/** Over HTTP/1.1. */
export const http1Attacks: Readonly<Record<string, Attack>> = {
  "b3-pairs-gzip-http1": repeated(pairsPath, () => emptyPairsGzip, gzipProto),
  "b3-pairs-json-connect": repeated(pairsPath, () => emptyPairsJson, json),
  "b3-pairs-json-rest": repeated("/v1/connections:batchCheck", () => emptyPairsJson, json),
  "b3-keys-json-connect": repeated(`${connections}CreateConnection`, () => unknownKeysJson, json),
  "b3-keys-json-rest": repeated("/v1/connections", () => unknownKeysJson, json),
  "b3-pairs-json-mcp": repeated("/mcp", () => toolCall("batchCheckConnections", emptyPairsJson), mcp),
  "b4-charset": repeated("/v1/connections", () => "{}", {
    "content-type": `application/json; charset=a${" ".repeat(14_500)}b"c`,
  }),
  "b4-readyz": (target, signal, count) =>
    again(signal, 50, () =>
      Promise.all(Array.from({ length: 20 }, () => send(target, count, "/readyz", "", {}, "GET"))),
    ),
  "b4-silent-sockets": async ({ grpcPort, httpPort }, signal, told) => {
    const sockets: Socket[] = [];
    for (let count = 0; count < 1000 && !signal.aborted; count++) {
      const port = count % 2 === 0 ? grpcPort : httpPort;
      const socket = connect({ host: "127.0.0.1", port, localAddress: attackerAddress });
      socket
        .on("error", () => undefined)
        .on("connect", () => told("connected"))
        .on("close", () => told("closed"));
      sockets.push(socket);
      if (count % 50 === 0) await sleep(20);
    }
    while (!signal.aborted) await sleep(100);
    for (const socket of sockets) socket.destroy();
  },
  "b5-over-limit-connect": repeated(`${connections}CreateConnection`, () => tooLong, json),
  "b5-over-limit-stream": repeated(`${connections}WatchConnections`, () => frame(tooLong, false), {
    "content-type": "application/connect+proto",
  }),
  "b5-over-limit-grpc-web": repeated(`${connections}CreateConnection`, () => frame(tooLong, false), {
    "content-type": "application/grpc-web+proto",
  }),
  "b5-over-limit-rest": repeated("/v1/connections", () => tooLong, json),
  "b5-over-limit-mcp": repeated("/mcp", () => tooLong, mcp),
};
