import { once } from "node:events";
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { type Http2Client, openHttp2 } from "../../support/http2-client.ts";

const maxMessageBytes = 262_144;
/** What each request sends of its body; the first 64 kB of it are not counted. */
const sent = 200_000;
/** So many of them fit into the share of an organization, 16 messages. */
const fitting = Math.floor((16 * maxMessageBytes) / (sent - 65_536));

let app: TestApp;
let client: Http2Client;
let authorization: string;
beforeAll(async () => {
  app = await startTestApp({
    MAX_MESSAGE_BYTES: `${maxMessageBytes}`,
    MAX_CONNECTIONS_PER_ADDRESS: "4096", // as many as there are: the address has no share of its own
  });
  authorization = `Bearer ${await app.token()}`;
  client = await openHttp2(app.httpUrl, { maxSessionMemory: 1000 });
});
afterAll(async () => {
  client.close();
  await app.stop();
});

const check = "POST /connectory.v1.ConnectionService/BatchCheckConnections";
const head = Buffer.alloc(5);
head.writeUInt32BE(sent + 1000, 1);
const framed = Buffer.concat([head, Buffer.alloc(sent - 5)]);
const json = Buffer.from(`{"pairs":[${" ".repeat(sent)}`).subarray(0, sent);
const mcp = { "content-type": "application/json", accept: "application/json, text/event-stream" };

interface Asked {
  readonly stream: ClientHttp2Stream;
  readonly answer: Promise<{ head: IncomingHttpHeaders; tail: IncomingHttpHeaders; text: string }>;
}

function ask(what: string, headers: Record<string, string>, body: Buffer): Asked {
  const stream = client.open(what, { authorization, ...headers });
  const tail: IncomingHttpHeaders = {};
  stream.on("trailers", (trailers) => Object.assign(tail, trailers));
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const response = once(stream, "response");
  stream.write(body); // and never ends
  const answer = response.then(async ([head]) => {
    if (!stream.closed) await once(stream, "close");
    return { head: head as IncomingHttpHeaders, tail, text: Buffer.concat(chunks).toString("latin1") };
  });
  answer.catch(() => undefined);
  return { stream, answer };
}

describe("an organization's requests that do not end hold no more than its share", () => {
  test.each([
    ["Connect", check, { "content-type": "application/proto" }, framed],
    ["Connect, JSON", check, { "content-type": "application/json" }, json],
    ["gRPC", check, { "content-type": "application/grpc", te: "trailers" }, framed],
    ["gRPC-Web", check, { "content-type": "application/grpc-web+proto" }, framed],
    ["REST", "POST /v1/connections:batchCheck", { "content-type": "application/json" }, json],
    ["MCP", "POST /mcp", mcp, json],
  ])("%s", async (protocol, what, headers, body) => {
    const all = Array.from({ length: fitting + 5 }, () => ask(what, headers, body));
    const open = () => all.filter(({ stream }) => !stream.closed);
    await expect.poll(() => open().length).toBe(fitting);
    for (const { stream, answer } of all.filter(({ stream: { closed } }) => closed)) {
      const { head, tail, text } = await answer;
      const statuses = { gRPC: 200, "gRPC-Web": 200 };
      expect(head[":status"]).toBe(statuses[protocol as keyof typeof statuses] ?? 429);
      const said = `${text} ${Buffer.from(String(tail["grpc-status-details-bin"] ?? ""), "base64")} ${detailsIn(text)}`;
      expect(said).toContain("QUEUE_FULL");
      expect(`${said} ${JSON.stringify(head)}`).toMatch(/RetryInfo|retry-after/);
      if (protocol === "gRPC") expect(tail["grpc-status"]).toBe("8");
      if (protocol === "gRPC-Web") expect(text).toMatch(/grpc-status: ?8/);
      expect(stream.closed).toBe(true);
    }
    const whole = await client.request("POST /v1/connections:batchCheck", {
      headers: { authorization, "content-type": "application/json" },
      body: '{"pairs":[{"userId1":"a","userId2":"b"}]}',
    });
    expect(whole.status).toBe(200);
    for (const { stream } of open()) stream.end();
    for (const { answer } of all) expect((await answer).head[":status"]).toBeDefined();
  });

  test("REST, over HTTP/1.1", async () => {
    const port = Number(new URL(app.httpUrl).port);
    const answers: string[] = [];
    const sockets = Array.from({ length: fitting + 3 }, () => {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      socket.write(
        `POST /v1/connections:batchCheck HTTP/1.1\r\nhost: a\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${sent + 1}\r\n\r\n`,
      );
      socket.write(json);
      let answer = "";
      socket.on("data", (chunk: Buffer) => {
        answer += String(chunk);
      });
      socket.on("end", () => answers.push(answer));
      return socket;
    });
    await expect.poll(() => answers.length).toBe(3);
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1.1 429 /);
      expect(answer).toMatch(/\r\nretry-after: \d/i);
      expect(answer).toMatch(/\r\nconnection: close/i);
      expect(answer).toContain("QUEUE_FULL");
    }
    for (const socket of sockets) socket.destroy();
  });
});

/** gRPC-Web has its details, in base64, in a frame of trailers. */
function detailsIn(text: string): string {
  return Buffer.from(/grpc-status-details-bin: ?(\S+)/.exec(text)?.[1] ?? "", "base64").toString("latin1");
}
