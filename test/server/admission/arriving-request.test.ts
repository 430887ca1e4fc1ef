import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import type { ApiError } from "../../../src/errors/api-error.ts";
import {
  type ArrivingRequest,
  arrivingRequestOf,
  limitArrivingRequests,
} from "../../../src/server/admission/arriving-request.ts";
import { type CallLimiter, type CallLimits, createCallLimiter } from "../../../src/server/admission/call-limits.ts";
import type { Handle } from "../../../src/server/admission/http-request-queue.ts";

const kB = 1024;
const wide: CallLimits = {
  what: "requests",
  calls: 100,
  callsPerCaller: 100,
  bytes: 1000 * kB,
  bytesPerCaller: 1000 * kB,
  inflating: 100,
  inflatingPerCaller: 100,
  timeoutMs: 60_000,
};

const all: CallLimiter[] = [];
afterEach(() => {
  for (const bounds of all.splice(0)) bounds.stop();
});

function start(limits: { address?: Partial<CallLimits>; organization?: Partial<CallLimits> }) {
  const byAddress = createCallLimiter({ ...wide, ...limits.address });
  const byOrganization = createCallLimiter({ ...wide, ...limits.organization });
  all.push(byAddress, byOrganization);
  const handle = limitArrivingRequests({ byAddress, byOrganization }, () => undefined);
  /** A request as Node has it, whose body is what is pushed. */
  return (remoteAddress = "192.0.2.1", headers: Record<string, string> = { "content-length": "1000000" }) => {
    const request = Object.assign(new Readable({ read: () => undefined }), { headers, socket: { remoteAddress } });
    const response = new EventEmitter();
    handle(request as unknown as Parameters<Handle>[0], response as unknown as Parameters<Handle>[1]);
    return { request, response, arriving: arrivingRequestOf(request) as ArrivingRequest };
  };
}

const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    ({ reason }: ApiError) => reason,
  );
const never = new Promise<never>(() => undefined);
const { QUEUE_FULL, CANCELLED } = ErrorReason;

describe("a request whose body is not there whole", () => {
  test("counts for its address, and for its organization once that is known", () => {
    const open = start({ address: { callsPerCaller: 2 }, organization: { callsPerCaller: 1 } });
    const first = open();
    first.arriving.admit("acme");
    const second = open();
    expect(() => second.arriving.admit("acme")).toThrow(/too many requests/);
    second.arriving.admit("other");
    expect(() => open().arriving.admit("third")).toThrow(/too many requests/);
    open("192.0.2.2").arriving.admit("third");
  });

  test("counts until its end, or until it is answered", () => {
    const open = start({ address: { callsPerCaller: 1 } });
    open().request.push(null);
    const second = open();
    second.arriving.admit("acme");
    second.response.emit("finish");
    const third = open();
    third.arriving.admit("acme");
    third.response.emit("close");
    open().arriving.admit("acme");
    expect(() => open().arriving.admit("acme")).toThrow();
  });

  test.each(["address", "organization"])(
    "is refused when its %s holds too many bytes, and holds none then",
    async (of) => {
      const open = start({ [of]: { bytesPerCaller: 100 * kB } });
      const [first, second] = [open(), open()];
      first.arriving.admit("acme");
      second.arriving.admit("acme");
      first.request.push(Buffer.alloc(130 * kB)); // of which 64 count
      const refused = reasonOf(second.arriving.receive(never));
      second.request.push(Buffer.alloc(130 * kB));
      expect(await refused).toBe(QUEUE_FULL);
      second.request.push(Buffer.alloc(130 * kB));
      expect(second.request.readableLength).toBe(0);
      expect(await reasonOf(second.arriving.receive(never))).toBe(QUEUE_FULL);
      first.request.push(null);
      const third = open();
      third.arriving.admit("acme");
      third.request.push(Buffer.alloc(130 * kB));
      expect(await third.arriving.receive(Promise.resolve("read"))).toBe("read");
    },
  );

  test("bytes that came before its organization was known count for it", () => {
    const open = start({ organization: { bytesPerCaller: 100 * kB } });
    const { request, arriving } = open();
    request.push(Buffer.alloc(200 * kB));
    expect(() => arriving.admit("acme")).toThrow(/too many bytes/);
  });

  test("one that is there whole is decompressed in its turn, and not when its caller has left", async () => {
    const open = start({ organization: { inflating: 1 } });
    const requests = [open(), open(), open()];
    for (const { arriving, request } of requests) {
      arriving.admit("acme");
      request.push(null);
    }
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const results = requests.map(({ arriving }, index) =>
      arriving.inflate(10, async () => {
        begun.push(index);
        await new Promise<void>((resolve) => ends.push(resolve));
        return index;
      }),
    );
    expect(begun).toEqual([0]);
    const left = reasonOf(results[1] as Promise<unknown>);
    requests[1]?.response.emit("close");
    expect(await left).toBe(CANCELLED);
    ends[0]?.();
    expect(await results[0]).toBe(0);
    expect(begun).toEqual([0, 2]);
    ends[1]?.();
    expect(await results[2]).toBe(2);
  });

  test("a message that cannot be decompressed gives its place back", async () => {
    const open = start({ organization: { inflating: 1 } });
    const { arriving } = open();
    arriving.admit("acme");
    await expect(arriving.inflate(10, async () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(await arriving.inflate(10, async () => "read")).toBe("read");
  });
});

test("a request without a body is not counted", () => {
  const open = start({ address: { calls: 0 } });
  expect(open("192.0.2.1", {}).arriving).toBeUndefined();
  expect(open("192.0.2.1", { "transfer-encoding": "chunked" }).arriving).toBeDefined();
});
