import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Attack, type AttackTarget, again, attackerAddress } from "./attack.ts";
import { emptyPairsGzip, emptyPairsJson, frame, slowKey, unknownKeysJson } from "./payloads.ts";

const connections = "/connectory.v1.ConnectionService/";
const agent = new Agent({ keepAlive: true, maxSockets: 20 });

/** Resolves with the status; rejects when there is none after a while. */
function send(
  { httpPort, token }: AttackTarget,
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
  method = "POST",
): Promise<number | undefined> {
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
      (response) => response.resume().on("end", () => resolve(response.statusCode)),
    );
    call.on("timeout", () => call.destroy(new Error("no answer"))).on("error", reject);
    call.end(body);
  });
}

/** One request after the other. */
const repeated =
  (path: string, body: () => string | Uint8Array, headers: Readonly<Record<string, string>>, pauseMs = 100): Attack =>
  (target, signal) =>
    again(signal, pauseMs, () => send(target, path, body(), headers));

const json = { "content-type": "application/json" };
const gzipProto = { "content-type": "application/proto", "content-encoding": "gzip" };
const pairsPath = `${connections}BatchCheckConnections`;
const mcp = { ...json, accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18" };
const toolCall = (body: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"batch_check_connections","arguments":${body}}}`;
const profile = () => {
  const tls = { cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key: slowKey() };
  return JSON.stringify({ connector: "redis", config: { address: "127.0.0.1:1", tls } });
};
const tooLong = Buffer.alloc(5_000_000, 32);

/** Over HTTP/1.1. */
export const http1Attacks: Readonly<Record<string, Attack>> = {
  "b2-slow-key-rest": repeated("/v1/connection_profiles/test", profile, json),
  "b2-slow-key-rest-create": repeated(
    "/v1/connection_profiles",
    () => JSON.stringify({ ...JSON.parse(profile()), name: "slow" }),
    json,
  ),
  "b3-pairs-gzip-http1": repeated(pairsPath, () => emptyPairsGzip, gzipProto),
  "b3-pairs-json-connect": repeated(pairsPath, () => emptyPairsJson, json),
  "b3-pairs-json-rest": repeated("/v1/connections:batchCheck", () => emptyPairsJson, json),
  "b3-keys-json-connect": repeated(`${connections}CreateConnection`, () => unknownKeysJson, json),
  "b3-keys-json-rest": repeated("/v1/connections", () => unknownKeysJson, json),
  "b3-pairs-json-mcp": repeated("/mcp", () => toolCall(emptyPairsJson), mcp),
  "b4-charset": repeated("/v1/connections", () => "{}", {
    "content-type": `application/json; charset=a${" ".repeat(14_500)}b"c`,
  }),
  "b4-readyz": (target, signal) =>
    again(signal, 50, () => Promise.all(Array.from({ length: 20 }, () => send(target, "/readyz", "", {}, "GET")))),
  "b4-silent-sockets": async ({ grpcPort, httpPort }, signal) => {
    const sockets: Socket[] = [];
    for (let count = 0; count < 1000 && !signal.aborted; count++) {
      const port = count % 2 === 0 ? grpcPort : httpPort;
      sockets.push(connect({ host: "127.0.0.1", port, localAddress: attackerAddress }).on("error", () => undefined));
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
