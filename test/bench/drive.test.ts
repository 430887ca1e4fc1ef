import { afterEach, expect, test } from "vitest";
import { drive } from "../../bench/load/drive.ts";
import { openGrpc } from "../../bench/load/open-grpc.ts";
import { startLoad } from "../../bench/load/start-load.ts";
import type { Target } from "../../bench/load/target.ts";
import { startTestApp } from "../support/app.ts";
import { answerGrpc, serveHttp2 } from "./serve-http2.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const ok = { "grpc-status": "0" };
const targetOf = (port: number, callers: number): Target => ({
  protocol: "grpc",
  port,
  method: "GetConnection",
  callers,
  ids: ["one"],
});

async function serve(answer: Parameters<typeof serveHttp2>[0]) {
  const server = await serveHttp2(answer);
  closers.push(server.close);
  return server;
}

test("every caller has one call under way all the time, over four connections, and each answer is counted once", async () => {
  const held: Parameters<typeof answerGrpc>[0][] = [];
  let answered = 0;
  const answer = (stream: (typeof held)[number]) => {
    answered++;
    answerGrpc(stream, 10, ok);
  };
  // Nothing is answered until all twelve are here; from then on everything is.
  const server = await serve((stream) => {
    held.push(stream);
    if (held.length >= 12) for (const one of held.splice(0, held.length > 12 ? 1 : 12)) answer(one);
    else if (answered > 0) for (const one of held.splice(0)) answer(one);
  });
  const caller = await openGrpc(targetOf(server.port, 12));
  closers.push(caller.close);
  const { acknowledged } = await drive(caller, 12, { warmUpMs: 0, measuredMs: 300 });
  expect([server.maxStreams(), server.connections()]).toEqual([12, 4]);
  expect([acknowledged, server.requests()]).toEqual([answered, answered]);
  expect(acknowledged).toBeGreaterThanOrEqual(12);
});

test("the first call that fails ends the slice with its error", async () => {
  const server = await serve((stream, turn) =>
    answerGrpc(stream, 10, turn === 20 ? { "grpc-status": "8", "grpc-message": "full" } : ok),
  );
  const caller = await openGrpc(targetOf(server.port, 4));
  closers.push(caller.close);
  const never = { warmUpMs: 0, measuredMs: 600_000 };
  await expect(drive(caller, 4, never)).rejects.toThrow("grpc-status 8: full");
});

test("a connection that ends between an answer and the next question ends the slice", async () => {
  const server = await serve((stream, turn) => {
    if (turn === 6) stream.session?.goaway();
    answerGrpc(stream, 10, ok);
  });
  const caller = await openGrpc(targetOf(server.port, 1));
  closers.push(caller.close);
  await expect(drive(caller, 1, { warmUpMs: 0, measuredMs: 600_000 })).rejects.toThrow(
    "the server ended the connection",
  );
});

test("a server that does not answer any more fails the slice, and no socket stays open", async () => {
  const server = await serve((stream, turn) => {
    if (turn <= 10) answerGrpc(stream, 10, ok);
  });
  const caller = await openGrpc(targetOf(server.port, 8));
  const window = { warmUpMs: 0, measuredMs: 50, overdueMs: 50 };
  await expect(drive(caller, 8, window)).rejects.toThrow("a call had no answer 50 ms after the end of the slice");
  await caller.close();
  await expect.poll(() => server.sockets.size).toBe(0);
});

test("the load process ends a slice at its time, counts what the server answered, and leaves no socket open", async () => {
  const server = await serve((stream) => answerGrpc(stream, 10, ok));
  const load = startLoad();
  closers.push(load.stop);
  const { acknowledged } = await load.drive(targetOf(server.port, 16), { warmUpMs: 50, measuredMs: 200 });
  expect(acknowledged).toBeGreaterThan(0);
  expect(server.requests()).toBe(acknowledged);
  await expect.poll(() => server.sockets.size).toBe(0);
  const silent = await serve(() => undefined);
  const window = { warmUpMs: 0, measuredMs: 50, overdueMs: 50 };
  await expect(load.drive(targetOf(silent.port, 16), window)).rejects.toThrow(
    "GetConnection over grpc: Error: a call had",
  );
  await expect.poll(() => silent.sockets.size).toBe(0);
});

test("the service's own gRPC server: what is acknowledged is in the database, and a refusal is a failure", async () => {
  const app = await startTestApp();
  closers.push(app.stop);
  const target: Target = { ...targetOf(app.app.grpcPort, 8), method: "CreateConnection", token: await app.token() };
  const load = startLoad();
  closers.push(load.stop);
  const window = { warmUpMs: 0, measuredMs: 300 };
  const { acknowledged } = await load.drive(target, window);
  expect(acknowledged).toBeGreaterThan(0);
  const ids: string[] = await app.knex("connection").pluck("id");
  expect(ids).toHaveLength(acknowledged);
  const reads: Target = { ...target, method: "GetConnection", ids };
  expect((await load.drive(reads, window)).acknowledged).toBeGreaterThan(0);
  await expect(load.drive({ ...reads, token: "no token" }, window)).rejects.toThrow("grpc-status 16");
  const unknown = { ...reads, ids: ["00000000-0000-7000-8000-000000000000"] };
  await expect(load.drive(unknown, window)).rejects.toThrow("grpc-status 5");
});
