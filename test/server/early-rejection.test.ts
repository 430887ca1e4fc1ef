import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import { openHttp2 } from "../support/http2-client.ts";

const maxMessageBytes = 1024 * 1024;

let app: TestApp;
let tokens: Record<"none" | "viewer" | "admin", string>;
beforeAll(async () => {
  app = await startTestApp({ MAX_MESSAGE_BYTES: String(maxMessageBytes) });
  tokens = { none: "", viewer: await app.token({ roles: ["viewer"] }), admin: await app.token() };
});
afterAll(() => app.stop());

const rpc = "/connectory.v1.ConnectionService/CreateConnection";
const watch = "/connectory.v1.ConnectionService/WatchConnections";

/** By which protocol what is called, and what a refusal is there: by status, or in trailers within the body. */
const protocols = {
  "connect unary": {
    path: rpc,
    type: "application/json",
    none: /^HTTP\/1.1 401/,
    viewer: /^HTTP\/1.1 403/,
    large: /^HTTP\/1.1 429/,
  },
  "connect stream": {
    path: watch,
    type: "application/connect+json",
    none: /unauthenticated/,
    viewer: undefined,
    large: /resource_exhausted/,
  },
  "gRPC-Web": {
    path: rpc,
    type: "application/grpc-web+proto",
    none: /grpc-status: 16/,
    viewer: /grpc-status: 7/,
    large: /grpc-status: 8/,
  },
  REST: {
    path: "/v1/connections",
    type: "application/json",
    none: /^HTTP\/1.1 401/,
    viewer: /^HTTP\/1.1 403/,
    large: /^HTTP\/1.1 413/,
  },
  MCP: { path: "/mcp", type: "application/json", none: /^HTTP\/1.1 401/, viewer: undefined, large: /^HTTP\/1.1 413/ },
};

/** A body that is never finished: in an envelope where the protocol has them. */
function beginOf(type: string, bytes: number): Buffer {
  const body = Buffer.alloc(bytes, " ");
  if (/connect\+|grpc-web/.test(type)) body.writeUInt32BE(bytes - 5, 1);
  if (/connect\+|grpc-web/.test(type)) body[0] = 0;
  return body;
}

/** Writes all of it, and only then begins to read. Resolves with all that came until the server closed the connection. */
async function writeThenRead(parts: readonly (string | Buffer)[]): Promise<string> {
  const socket: Socket = connect(Number(new URL(app.httpUrl).port), "127.0.0.1");
  socket.pause();
  await once(socket, "connect");
  for (const part of parts)
    await new Promise((resolve, reject) => socket.write(part, (error) => (error ? reject(error) : resolve(undefined))));
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

const sizes = [2_000_000, 20_000_000];
const framings = ["content-length", "chunked"] as const;
const refusals = ["none", "viewer", "large"] as const;
const cases = Object.entries(protocols).flatMap(([name, protocol]) =>
  refusals.flatMap((why) =>
    protocol[why] === undefined
      ? []
      : framings.flatMap((framing) => sizes.map((size) => ({ name, why, framing, size }))),
  ),
);

describe("a caller who writes everything before it reads", () => {
  test.each(cases)(
    "gets the whole refusal over $name ($why, $framing, $size bytes)",
    async ({ name, why, framing, size }) => {
      const { path, type, [why]: expected } = protocols[name as keyof typeof protocols];
      const token = tokens[why === "large" ? "admin" : why];
      const body = beginOf(type, size);
      const head = [
        `POST ${path} HTTP/1.1`,
        "host: localhost",
        `content-type: ${type}`,
        "accept: application/json, text/event-stream",
        ...(token === "" ? [] : [`authorization: Bearer ${token}`]),
        framing === "chunked" ? "transfer-encoding: chunked" : `content-length: ${size}`,
      ];
      const sent = framing === "chunked" ? [`${size.toString(16)}\r\n`, body, "\r\n0\r\n\r\n"] : [body];
      const answer = await writeThenRead([`${head.join("\r\n")}\r\n\r\n`, ...sent]);
      expect(answer).toMatch(expected as RegExp);
      expect(answer).toMatch(/^connection: close\r$/im);
      const [, length] = /^content-length: (\d+)\r$/im.exec(answer) ?? [];
      if (length === undefined) expect(answer).toMatch(/\r\n0\r\n\r\n$/);
      else expect(Buffer.byteLength(answer.slice(answer.indexOf("\r\n\r\n") + 4))).toBe(Number(length));
    },
  );
});

describe("a caller who waits for 100 Continue", () => {
  const ask = async (path: string, type: string, token: string, length: number) => {
    const socket = connect(Number(new URL(app.httpUrl).port), "127.0.0.1");
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\naccept: application/json, text/event-stream\r\n` +
        `${token === "" ? "" : `authorization: Bearer ${token}\r\n`}content-length: ${length}\r\nexpect: 100-continue\r\n\r\n`,
    );
    return socket;
  };

  test.each(
    cases.filter(
      ({ framing, size, why, name }) =>
        framing === "content-length" && size === sizes[0] && (why !== "large" || /unary|REST|MCP/.test(name)),
    ),
  )("is refused without one over $name ($why)", async ({ name, why }) => {
    const { path, type, [why]: expected } = protocols[name as keyof typeof protocols];
    const socket = await ask(path, type, tokens[why === "large" ? "admin" : why], 2_000_000);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    await once(socket, "end");
    socket.destroy();
    expect(text).not.toContain("100 Continue");
    expect(text).toMatch(expected as RegExp);
    expect(text).toMatch(/^connection: close\r$/im);
  });

  test.each(["connect unary", "REST", "MCP"] as const)("gets one when its body is wanted over %s", async (name) => {
    const { path, type } = protocols[name];
    const body = JSON.stringify(
      name === "MCP"
        ? { jsonrpc: "2.0", id: 1, method: "ping" }
        : { userId1: "a", userId2: `to-${name.replace(" ", "-")}` },
    );
    const socket = await ask(path, type, tokens.admin, body.length);
    const [first] = await once(socket, "data");
    expect(String(first)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    socket.write(body);
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1.1 20[01] /);
    socket.destroy();
  });
});

describe("over HTTP/2", () => {
  test.each(cases.filter(({ framing }) => framing === "chunked"))(
    "the whole refusal is there and the stream ends, over $name ($why, $size bytes)",
    async ({ name, why, size }) => {
      const { path, type, [why]: expected } = protocols[name as keyof typeof protocols];
      const token = tokens[why === "large" ? "admin" : why];
      const client = await openHttp2(app.httpUrl, { maxSessionMemory: 100 }); // it holds what it may not send yet
      const stream = client.open(`POST ${path}`, {
        "content-type": type,
        accept: "application/json, text/event-stream",
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      });
      let answer = "";
      stream.on("response", ({ ":status": status }) => {
        answer += `HTTP/1.1 ${status}\n`;
      });
      stream.on("data", (chunk: Buffer) => {
        answer += chunk;
      });
      stream.write(beginOf(type, size)); // and never its end
      await once(stream, "close");
      expect(answer).toMatch(expected as RegExp);
      expect((await client.request("GET /healthz")).status).toBe(200);
      client.close();
    },
  );
});

test("what is pipelined behind a refused request is not run", async () => {
  const more = JSON.stringify({ userId1: "pipelined", userId2: "request" });
  const answer = await writeThenRead([
    `POST ${rpc} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n`,
    Buffer.alloc(2_000_000, " "),
    `POST ${rpc} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer ${tokens.admin}\r\ncontent-length: ${more.length}\r\n\r\n${more}`,
  ]);
  expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 401"]);
  const { rows } = await app.knex.raw("select count(*)::int as count from connection where user_id_1 = 'pipelined'");
  expect(rows).toEqual([{ count: 0 }]);
});
