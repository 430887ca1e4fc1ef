import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type StringValue,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  Code,
  ConnectError,
  createClient,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { ApiError } from "../../src/errors/api-error.ts";
import { accessLog } from "../../src/interceptors/access-log.ts";
import { createDrain } from "../../src/interceptors/drain.ts";
import { mapErrors } from "../../src/interceptors/map-errors.ts";
import { requestId } from "../../src/interceptors/request-id.ts";
import { createMessageCheck, validate } from "../../src/interceptors/validate.ts";
import { routesOf } from "../../src/server/dispatch/route.ts";
import { serveGrpc } from "../../src/server/grpc/grpc-server.ts";
import { serveHttp } from "../../src/server/http-server.ts";
import { loadShedderForTests } from "../support/load-shedder.ts";

/** The contract has no stream yet, so this is a service of its own: Count(StringValue) returns (stream StringValue). */
function countingService(): DescService {
  const stringValue = ".google.protobuf.StringValue";
  const file: FileDescriptorProto = create(FileDescriptorProtoSchema, {
    name: "test/counting.proto",
    package: "test",
    syntax: "proto3",
    dependency: ["google/protobuf/wrappers.proto"],
    service: [
      {
        name: "CountingService",
        method: [{ name: "Count", inputType: stringValue, outputType: stringValue, serverStreaming: true }],
      },
    ],
  });
  const registry = createFileRegistry(file, () => StringValueSchema.file);
  const service = registry.getService("test.CountingService");
  if (service === undefined) throw new Error("the service was not made");
  return service;
}

let context: HandlerContext;
let given = 0;

/** Counts to the number that it is asked for; "0" fails at once and "-3" after three. */
async function* count({ value }: StringValue, ctx: HandlerContext) {
  context = ctx;
  ctx.responseHeader.set("x-verb-header", "h");
  ctx.responseTrailer.set("x-verb-trailer", "t");
  const until = Math.abs(Number(value));
  for (given = 1; given <= until; given += 1) {
    yield { value: String(given).padEnd(given > 1000 ? 10_000 : 1) };
    if (given % 100 === 0) await sleep(0);
    ctx.signal.throwIfAborted();
  }
  if (Number(value) <= 0) throw new ApiError(ErrorReason.QUEUE_FULL, "no more");
  if (value === "3.5") await once(ctx.signal, "abort");
}

const service = countingService();
const logged: string[] = [];
const log = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });

async function startProtocols() {
  const gate = createDrain();
  const interceptors = [
    requestId,
    accessLog(log),
    mapErrors(log),
    gate.interceptor,
    validate([], createMessageCheck()),
  ];
  // biome-ignore lint/suspicious/noExplicitAny: a service made at run time has no types for its methods
  const routes = routesOf(service, { count } as any);
  const open = {
    host: "127.0.0.1",
    port: 0,
    routes,
    interceptors,
    observe: [],
    preBody: [],
    access: [],
    maxMessageBytes: 100_000,
    tls: undefined,
    connectionLimits: { total: 100, perAddress: 100 },
    httpPort: 0,
  };
  const grpc = await serveGrpc({ ...open, shedder: loadShedderForTests() });
  const http = await serveHttp({
    ...open,
    corsOrigins: [],
    plugins: [],
    checkHealth: async () => undefined,
    connectionLimits: { total: 1000, perAddress: 1000 },
    shedder: loadShedderForTests(),
    log,
  });
  const baseUrl = `http://127.0.0.1:${http.port}`;
  const transports: Record<string, Transport> = {
    grpc: createGrpcTransport({ baseUrl: `http://127.0.0.1:${grpc.port}` }),
    connect: createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    "grpc-web": createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  };
  return { gate, transports, stop: () => Promise.all([grpc.stop(100), http.stop(100)]) };
}

let protocols: Awaited<ReturnType<typeof startProtocols>>;
beforeAll(async () => {
  protocols = await startProtocols();
});
afterAll(() => protocols.stop());
beforeEach(() => {
  logged.length = 0;
});

describe.each(["grpc", "connect", "grpc-web"])("a stream of answers over %s", (protocol) => {
  const call = (value: string, options: CallOptions = {}) => {
    // biome-ignore lint/suspicious/noExplicitAny: a service made at run time has no types for its methods
    const client = createClient(service, protocols.transports[protocol] as Transport) as any;
    return client.count({ value }, options) as AsyncIterable<StringValue>;
  };
  const lines = () =>
    logged.map((line) => JSON.parse(line) as { msg: string; code: string }).filter(({ msg }) => msg === "call");

  test("arrives whole and in order, and has its line in the log when it is over", async () => {
    const values: string[] = [];
    for await (const { value } of call("250")) values.push(value);
    expect(values).toEqual(Array.from({ length: 250 }, (_, index) => String(index + 1)));
    await expect.poll(lines).toMatchObject([{ code: "OK" }]);
  });

  test("that fails half-way gives what came before, and the error with its reason and request id", async () => {
    const values: string[] = [];
    const error = await (async () => {
      for await (const { value } of call("-3")) values.push(value);
    })().catch((thrown: unknown) => ConnectError.from(thrown));
    expect(values).toEqual(["1", "2", "3"]);
    expect(error).toMatchObject({ code: Code.ResourceExhausted });
    expect(error?.findDetails(ErrorInfoSchema)[0]?.reason).toBe("QUEUE_FULL");
    expect(error?.metadata.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    await expect.poll(lines).toMatchObject([{ code: "RESOURCE_EXHAUSTED" }]);
  });

  test.each(["2", "0", "-2"])(
    "(%s) brings the headers and trailers that the verb sets, with an error too",
    async (value) => {
      const seen = new Headers();
      const take = (headers: Headers) => headers.forEach((text, name) => void seen.set(name, text));
      try {
        for await (const _ of call(value, { onHeader: take, onTrailer: take }));
      } catch (error) {
        take(ConnectError.from(error).metadata);
      }
      expect([seen.get("x-verb-header"), seen.get("x-verb-trailer")]).toEqual(["h", "t"]);
    },
  );

  test("that the caller leaves ends the verb", async () => {
    const aborter = new AbortController();
    await expect(async () => {
      for await (const _ of call("1000000", { signal: aborter.signal })) aborter.abort();
    }).rejects.toMatchObject({ code: Code.Canceled });
    await expect.poll(() => context.signal.aborted).toBe(true);
    await expect.poll(lines).toHaveLength(1);
  });

  test("whose deadline passes ends with DEADLINE_EXCEEDED", async () => {
    await expect(async () => {
      for await (const _ of call("100000000", { timeoutMs: 1000 }));
    }).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    await expect.poll(() => context.signal.aborted).toBe(true);
  });

  // Over HTTP/1.1 this client reads ahead of its caller; the server's side of that is Connect's own.
  if (protocol === "grpc")
    test("waits for a caller who reads slowly rather than filling the memory", async () => {
      const stream = call("100000")[Symbol.asyncIterator]();
      await stream.next();
      // It stops by itself, long before the end.
      for (let before = 0; before !== given; await sleep(300)) before = given;
      expect(given).toBeLessThan(20_000);
      await stream.return?.(undefined);
    });

  test("holds a stop up until it is over", async () => {
    const own = await startProtocols();
    // biome-ignore lint/suspicious/noExplicitAny: a service made at run time has no types for its methods
    const client = createClient(service, own.transports[protocol] as Transport) as any;
    const stream = (client.count({ value: "3" }) as AsyncIterable<StringValue>)[Symbol.asyncIterator]();
    await stream.next();
    await own.gate.close(5000);
    const refused = (client.count({ value: "1" }) as AsyncIterable<StringValue>)[Symbol.asyncIterator]().next();
    await expect(refused).rejects.toMatchObject({ code: Code.Unavailable });
    await own.stop();
  });
});
