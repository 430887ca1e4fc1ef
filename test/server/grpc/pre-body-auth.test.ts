import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import zlib, { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { ReflectionV1Implementation } from "@grpc/reflection/build/src/implementations/reflection-v1.js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { ErrorInfoSchema, RequestInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import { startTestApp, type TestApp } from "../../support/app.ts";

let app: TestApp;
let session: ClientHttp2Session;
const inflations = vi.spyOn(zlib, "createGunzip");
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());
beforeEach(async () => {
  session = connect(`http://${app.grpcAddress}`, { maxSessionMemory: 1000 }); // in MB: what is not sent yet counts too
  session.on("error", () => undefined);
  await once(session, "connect");
  inflations.mockClear();
});
afterEach(() => session.destroy());

const paths = {
  create: "/connectory.v1.ConnectionService/CreateConnection",
  read: "/connectory.v1.ConnectionService/ListConnections",
  createProfile: "/connectory.v1.ConnectionProfileService/CreateConnectionProfile",
  check: "/grpc.health.v1.Health/Check",
  reflection: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
};

function frame(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** 4 MB of one large unknown field in 4 kB. */
const large = frame(gzipSync(Buffer.concat([Buffer.from("fa3ff0ffff01", "hex"), Buffer.alloc(4_194_288)])), 1);

interface Call {
  readonly stream: ClientHttp2Stream;
  /** Head and trailers together, once the stream has ended. */
  readonly ended: Promise<IncomingHttpHeaders>;
}

function begin(path: string, headers: Record<string, string> = {}): Call {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  const seen: IncomingHttpHeaders = {};
  stream.on("response", (head) => Object.assign(seen, head));
  stream.on("trailers", (tail) => Object.assign(seen, tail));
  stream.on("error", () => undefined);
  stream.resume();
  return { stream, ended: once(stream, "close").then(() => seen) };
}

function detailsOf(headers: IncomingHttpHeaders) {
  const status = fromBinary(StatusSchema, Buffer.from(String(headers["grpc-status-details-bin"]), "base64"));
  const find = (name: string) =>
    status.details.find(({ typeUrl }) => typeUrl.endsWith(name))?.value ?? new Uint8Array();
  return {
    reason: fromBinary(ErrorInfoSchema, find("ErrorInfo")).reason,
    requestId: fromBinary(RequestInfoSchema, find("RequestInfo")).requestId,
  };
}

const lineOf = (requestId: string) =>
  app.logged
    .map((line) => JSON.parse(line) as { msg: string; requestId?: string; code?: string; reason?: string })
    .filter(({ msg, requestId: id }) => msg === "call" && id === requestId);

describe("before a message is read", () => {
  test.each([
    ["without a token", async () => ({}), paths.read, "16", "TOKEN_MISSING"],
    ["with a bad token", async () => ({ authorization: "Bearer x" }), paths.read, "16", "TOKEN_INVALID"],
    [
      "without the permission",
      async () => ({ authorization: `Bearer ${await app.token({ roles: ["viewer"] })}` }),
      paths.create,
      "7",
      "PERMISSION_MISSING",
    ],
  ])(
    "a caller %s is refused: nothing is decompressed, and the stream is closed",
    async (_who, who, path, code, reason) => {
      const headers = { ...(await who()), "grpc-encoding": "gzip" };
      const calls = Array.from({ length: 50 }, () => begin(path, headers));
      for (const { stream } of calls) stream.write(large); // and never ends
      for (const { ended } of calls) {
        const seen = await ended;
        expect(seen["grpc-status"]).toBe(code);
        expect(detailsOf(seen).reason).toBe(reason);
        expect(lineOf(detailsOf(seen).requestId)).toMatchObject([{ reason }]);
      }
      expect(inflations).not.toHaveBeenCalled();
    },
  );

  test("an admitted caller's messages are decompressed when their requests are whole, a few at a time", async () => {
    const authorization = `Bearer ${await app.token()}`;
    const calls = Array.from({ length: 30 }, () => begin(paths.read, { authorization, "grpc-encoding": "gzip" }));
    for (const { stream } of calls) stream.write(large);
    const plain = begin(paths.read, { authorization });
    plain.stream.end(frame(Buffer.from("0a0161", "hex")));
    expect((await plain.ended)["grpc-status"]).toBe("0");
    const compressed = begin(paths.read, { authorization, "grpc-encoding": "gzip" });
    compressed.stream.end(frame(gzipSync(Buffer.from("0a0161", "hex")), 1));
    expect((await compressed.ended)["grpc-status"]).toBe("0"); // unfinished ones have no place that it would wait for
    expect(inflations).toHaveBeenCalledTimes(1);
    for (const { stream } of calls) stream.end();
    const reasons = await Promise.all(calls.map(async ({ ended }) => detailsOf(await ended).reason));
    expect(new Set(reasons)).toEqual(new Set(["MESSAGE_TOO_LARGE"])); // for this RPC
    expect(inflations).toHaveBeenCalledTimes(31);
  });

  test("nothing is decompressed for a caller who leaves before the request is whole", async () => {
    const authorization = `Bearer ${await app.token()}`;
    const left = connect(`http://${app.grpcAddress}`);
    left.on("error", () => undefined);
    const headers = { ":method": "POST", ":path": paths.read, "content-type": "application/grpc", te: "trailers" };
    const ids = Array.from({ length: 20 }, (_, index) => `left-whole-${index}`);
    for (const id of ids) {
      const stream = left.request({ ...headers, authorization, "grpc-encoding": "gzip", "x-request-id": id });
      stream.on("error", () => undefined);
      stream.write(large);
    }
    const compressed = begin(paths.read, { authorization, "grpc-encoding": "gzip" });
    compressed.stream.end(frame(gzipSync(Buffer.from("0a0161", "hex")), 1));
    expect((await compressed.ended)["grpc-status"]).toBe("0");
    const last = left.request({ ...headers, ":path": paths.check }); // when it is answered, those before it have begun
    last.resume().end(frame(Buffer.alloc(0)));
    await once(last, "close");
    left.destroy();
    for (const id of ids) await expect.poll(() => lineOf(id)).toMatchObject([{ code: "CANCELLED" }]);
    expect(inflations).toHaveBeenCalledTimes(1);
  });

  test("an admitted caller's unfinished calls hold no more than a share, and its whole ones are answered", async () => {
    const authorization = `Bearer ${await app.token()}`;
    const calls = Array.from({ length: 20 }, () => begin(paths.createProfile, { authorization }));
    const message = frame(Buffer.alloc(4_194_304));
    for (const { stream } of calls) stream.write(message);
    // 16 messages of 4 MB fit into the share, but for the first 64 kB of each.
    await expect.poll(() => calls.filter(({ stream }) => stream.closed).length).toBe(20 - 16);
    const whole = begin(paths.read, { authorization });
    whole.stream.end(frame(Buffer.from("0a0161", "hex")));
    expect((await whole.ended)["grpc-status"]).toBe("0");
    for (const { stream } of calls) stream.end();
    const reasons = await Promise.all(calls.map(async ({ ended }) => detailsOf(await ended).reason));
    expect(reasons.filter((reason) => reason === "QUEUE_FULL")).toHaveLength(4);
    expect(reasons.filter((reason) => reason === "FIELD_INVALID")).toHaveLength(16); // whole
  });

  test("a message that is larger than its RPC allows is refused as soon as its length is known", async () => {
    const authorization = `Bearer ${await app.token()}`;
    const { stream, ended } = begin(paths.read, { authorization });
    stream.write(frame(Buffer.alloc(30_000)).subarray(0, 5)); // and never ends
    const seen = await ended;
    expect([seen["grpc-status"], detailsOf(seen).reason]).toEqual(["8", "MESSAGE_TOO_LARGE"]);
    expect(decodeURIComponent(String(seen["grpc-message"]))).toContain("larger than 23008 bytes");
  });

  test("of many compressed messages in one call no more than the first is decompressed", async () => {
    const authorization = `Bearer ${await app.token()}`;
    const { stream, ended } = begin(paths.read, { authorization, "grpc-encoding": "gzip" });
    stream.end(Buffer.concat(Array.from({ length: 200 }, () => frame(gzipSync(Buffer.alloc(0)), 1))));
    const seen = await ended;
    expect([seen["grpc-status"], detailsOf(seen).reason]).toEqual(["12", "CALL_NOT_SUPPORTED"]);
    expect(inflations.mock.calls.length).toBeLessThanOrEqual(1);
  });

  test.each([paths.check, paths.reflection])("%s takes nothing that is compressed", async (path) => {
    const { stream, ended } = begin(path, { "grpc-encoding": "gzip" });
    stream.write(large);
    const seen = await ended;
    expect(seen["grpc-status"]).toBe("12");
    expect(seen["grpc-accept-encoding"]).toBe("identity");
    expect(inflations).not.toHaveBeenCalled();
  });

  test("calls without a token have a limit for each address", async () => {
    const calls = Array.from({ length: 40 }, () => begin(paths.reflection));
    const refused = calls.map(({ ended }) => ended.then((seen) => seen["grpc-status"]));
    await expect.poll(() => calls.filter(({ stream }) => stream.closed).length).toBe(40 - 16);
    for (const { stream } of calls) stream.end();
    const statuses = await Promise.all(refused);
    expect([
      statuses.filter((status) => status === "8").length,
      statuses.filter((status) => status === "0").length,
    ]).toEqual([24, 16]);
  });
});

describe("a call whose message cannot be handed over", () => {
  test.each([
    ["none", Buffer.alloc(0), "12", "CALL_NOT_SUPPORTED"],
    ["half a head", frame(Buffer.alloc(9)).subarray(0, 3), "3", "MESSAGE_MALFORMED"],
    ["half of it", frame(Buffer.alloc(9)).subarray(0, 9), "3", "MESSAGE_MALFORMED"],
    ["two", Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]), "12", "CALL_NOT_SUPPORTED"],
    ["a compressed one without a name", frame(Buffer.alloc(0), 1), "13", "COMPRESSION_UNNAMED"],
    ["too large a one", Buffer.from("00ffffffff01", "hex"), "8", "MESSAGE_TOO_LARGE"],
  ])("(%s) has its request id, its reason and its line in the log", async (name, body, code, reason) => {
    const id = `unread-${name.replaceAll(" ", "-")}`;
    const { stream, ended } = begin(paths.read, { authorization: `Bearer ${await app.token()}`, "x-request-id": id });
    stream.end(body);
    const seen = await ended;
    expect([seen["grpc-status"], seen["x-request-id"]]).toEqual([code, id]);
    expect(detailsOf(seen)).toEqual({ reason, requestId: id });
    expect(lineOf(id)).toMatchObject([{ reason }]);
  });

  test("that the caller leaves in the middle of its message has its line in the log", async () => {
    const authorization = `Bearer ${await app.token()}`;
    const { stream } = begin(paths.read, { authorization, "x-request-id": "left" });
    stream.write(frame(Buffer.alloc(9)).subarray(0, 9));
    const after = begin(paths.check);
    after.stream.end(frame(Buffer.alloc(0)));
    await after.ended;
    session.destroy();
    await expect.poll(() => lineOf("left")).toMatchObject([{ code: "CANCELLED" }]);
  });
});

test.each([
  ["a call", paths.read, "0a0161"],
  ["a health check", paths.check, ""],
])("%s that went well has no message of an error", async (_what, path, message) => {
  const { stream, ended } = begin(path, { authorization: `Bearer ${await app.token()}` });
  stream.end(frame(Buffer.from(message, "hex")));
  expect(await ended).toMatchObject({ "grpc-status": "0", "grpc-message": "" });
});

test.each([
  ["with its flag set", frame(Buffer.from("no zstd"), 1)],
  ["without", frame(Buffer.from("no protobuf"))],
])("a compression that is not known is named as such, %s", async (_how, message) => {
  const { stream, ended } = begin(paths.read, {
    authorization: `Bearer ${await app.token()}`,
    "grpc-encoding": "zstd",
  });
  stream.end(message);
  const seen = await ended;
  expect([seen["grpc-status"], seen["grpc-accept-encoding"]]).toEqual(["12", "identity,deflate,gzip"]);
  expect(detailsOf(seen).reason).toBe("CALL_NOT_SUPPORTED");
});

test("reflection waits until its answers are read", async () => {
  const answered = vi.spyOn(ReflectionV1Implementation.prototype, "handleServerReflectionRequest");
  const { stream } = begin(paths.reflection);
  stream.pause();
  const name = Buffer.from("connectory.v1.ConnectionProfileService");
  const question = frame(Buffer.concat([Buffer.from([0x22, name.length]), name])); // file_containing_symbol
  for (let index = 0; index < 1000; index += 1) stream.write(question);
  const check = async () => {
    const { stream: whole, ended } = begin(paths.check);
    whole.end(frame(Buffer.alloc(0)));
    expect((await ended)["grpc-status"]).toBe("0");
  };
  await expect.poll(() => answered.mock.calls.length).toBeGreaterThan(0);
  for (let index = 0; index < 20; index += 1) await check(); // sent after the questions, over the same connection
  expect(answered.mock.calls.length).toBeLessThan(50);
  stream.resume();
  await expect.poll(() => answered.mock.calls.length).toBe(1000);
  stream.end();
  await once(stream, "close");
});
