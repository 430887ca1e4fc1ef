import { constants } from "node:http2";
import { afterEach, expect, test } from "vitest";
import type { Caller } from "../../bench/load/caller.ts";
import { openGrpc } from "../../bench/load/open-grpc.ts";
import { answerGrpc, type Http2Server, serveHttp2 } from "./serve-http2.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A server, and a client of it whose first callers share one connection each with those four further on. */
async function open(
  answer: Parameters<typeof serveHttp2>[0],
  callers = 1,
  settings = {},
): Promise<[Caller, Http2Server]> {
  const server = await serveHttp2(answer, settings);
  closers.push(server.close);
  const caller = await openGrpc({
    protocol: "grpc",
    port: server.port,
    method: "GetConnection",
    callers,
    ids: ["one"],
  });
  closers.push(caller.close);
  return [caller, server];
}

const ok = { "grpc-status": "0" };

test("a message and the status OK are a success, in every call of a connection", async () => {
  const [caller, server] = await open((stream) => answerGrpc(stream, 10, ok));
  for (let turn = 0; turn < 3; turn++) await caller.call(0);
  expect([server.requests(), server.connections()]).toEqual([3, 1]);
});

test("another status is a failure with its text, also after calls that were OK, and the connection goes on", async () => {
  const denied = { "grpc-status": "7", "grpc-message": "caf%C3%A9 is closed" };
  const [caller] = await open((stream, turn) => answerGrpc(stream, turn === 2 ? 0 : 10, turn === 2 ? denied : ok));
  await caller.call(0);
  await expect(caller.call(0)).rejects.toThrow("grpc-status 7: café is closed");
  await caller.call(0);
});

test("a message before a status that is not OK is a failure", async () => {
  const [caller] = await open((stream) => answerGrpc(stream, 10, { "grpc-status": "13", "grpc-message": "late" }));
  await expect(caller.call(0)).rejects.toThrow("grpc-status 13: late");
});

test("the status OK without a message is a failure", async () => {
  const [caller] = await open((stream) => answerGrpc(stream, 0, ok));
  await expect(caller.call(0)).rejects.toThrow("without a message");
});

test("an answer that is no gRPC is a failure, with and without a body", async () => {
  const [caller] = await open((stream, turn) => {
    stream.respond({ ":status": 503 }, { endStream: turn === 1 });
    if (turn > 1) stream.end("try again");
  });
  await expect(caller.call(0)).rejects.toThrow("grpc-status undefined");
  await expect(caller.call(0)).rejects.toThrow("ended without trailers");
});

test("a stream that is reset is a failure of its call alone", async () => {
  const [caller] = await open((stream, turn) =>
    turn === 1 ? stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM) : answerGrpc(stream, 10, ok),
  );
  await expect(caller.call(0)).rejects.toThrow(`reset, code ${constants.NGHTTP2_ENHANCE_YOUR_CALM}`);
  await caller.call(0);
});

test("a stream beyond the number that the server takes is a failure", async () => {
  const [caller, server] = await open(() => undefined, 1, { maxConcurrentStreams: 2 });
  const calls = [caller.call(0), caller.call(0)];
  const results = Promise.allSettled(calls);
  await expect.poll(() => server.requests()).toBe(2);
  // Node ends the whole connection then; other servers reset the one stream.
  await expect(caller.call(0)).rejects.toThrow("the server ended the connection, code 1");
  expect((await results).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});

test("a connection that is lost fails every call on it, and those that come later", async () => {
  const [caller, server] = await open((stream, turn) => {
    if (turn === 3) stream.session?.destroy();
  });
  const calls = [caller.call(0), caller.call(0), caller.call(0)];
  const results = await Promise.allSettled(calls);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  await expect.poll(() => server.sockets.size).toBe(0);
  await expect(caller.call(0)).rejects.toThrow(/the server (closed|ended) the connection/);
});

test("GOAWAY fails the calls under way and later ones, and those on other connections go on", async () => {
  const [caller] = await open((stream, turn) => {
    if (turn === 1) stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
    else answerGrpc(stream, 10, ok);
  }, 2);
  await expect(caller.call(0)).rejects.toThrow("the server ended the connection, code 0");
  await expect(caller.call(0)).rejects.toThrow("the server ended the connection, code 0");
  await caller.call(1);
});

test("a call that is under way when the client is closed is a failure", async () => {
  const [caller, server] = await open(() => undefined);
  const call = caller.call(0);
  call.catch(() => undefined);
  await expect.poll(() => server.requests()).toBe(1);
  await caller.close();
  await expect(call).rejects.toThrow("closed here");
  await expect.poll(() => server.sockets.size).toBe(0);
});

test("answers larger than a window are received whole, and more of them than the window of a connection", async () => {
  const [caller, server] = await open((stream) => answerGrpc(stream, 1024 * 1024, ok));
  for (let turn = 0; turn < 40; turn++) await caller.call(0);
  await Promise.all(Array.from({ length: 4 }, () => caller.call(0)));
  expect([server.requests(), server.connections()]).toEqual([44, 1]);
});

test("a port on which no server listens is a failure", async () => {
  const server = await serveHttp2(() => undefined);
  await server.close();
  const target = { protocol: "grpc", port: server.port, method: "GetConnection", callers: 4, ids: ["one"] } as const;
  await expect(openGrpc(target)).rejects.toThrow("ECONNREFUSED");
});
