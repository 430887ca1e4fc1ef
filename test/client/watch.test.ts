import { setTimeout as sleep } from "node:timers/promises";
import { type DescField, getOption } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { stream_position } from "../../gen/connectory/options/v1/rest_pb.js";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService, type WatchConnectionsResponse } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { isReason, watch } from "../../src/client/index.ts";
import { createConnectoryClient } from "../../src/client/node/index.ts";
import { failure, serveScripted } from "./serve-scripted.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Act = (after: bigint | undefined) => AsyncIterable<{ revision: bigint }> | Iterable<{ revision: bigint }>;

/** A server whose nth stream does what the nth act says, and the last act again for ever; `begun` is where each began. */
async function playing(...acts: Act[]) {
  const begun: (bigint | undefined)[] = [];
  let open = 0;
  const { baseUrl, stop } = await serveScripted({
    async *watchConnections({ afterRevision }, { signal }) {
      open++;
      signal.addEventListener("abort", () => open--);
      begun.push(afterRevision);
      const act = acts[begun.length - 1] ?? acts.at(-1);
      if (act !== undefined) yield* act(afterRevision);
    },
  });
  closers.push(stop);
  const { connections } = createConnectoryClient({ baseUrl, token: "any" });
  return { begun, open: () => open, call: connections.watchConnections };
}

const revisions = (...all: bigint[]) => all.map((revision) => ({ revision }));
async function* forEver(): AsyncGenerator<never> {
  await new Promise(() => {});
}
const quick = { baseMs: 5, capMs: 20 };

/** The first so many messages. */
async function take(messages: AsyncIterable<{ revision: bigint }>, count: number): Promise<bigint[]> {
  const taken: bigint[] = [];
  for await (const { revision } of messages) {
    taken.push(revision);
    if (taken.length === count) break;
  }
  return taken;
}

describe("a watch goes on", () => {
  test("where it was, when the stream ends, and says nothing twice", async () => {
    const { begun, call } = await playing(
      () => revisions(7n, 8n, 9n),
      () => revisions(9n, 10n), // the bookmark of where it begins, then news
      () => revisions(8n, 9n, 10n, 11n), // a server that repeats itself
    );
    expect(await take(watch(call, {}, quick), 5)).toEqual([7n, 8n, 9n, 10n, 11n]);
    expect(begun).toEqual([undefined, 9n, 10n]);
  });

  test("where it is told to, 0 included", async () => {
    const { begun, call } = await playing((after = 0n) => revisions(after, after + 1n));
    expect(await take(watch(call, { afterRevision: 0n }, quick), 3)).toEqual([1n, 2n, 3n]);
    expect(begun).toEqual([0n, 1n, 2n]);
  });

  test.each([
    ["UNAVAILABLE", () => failure(ErrorReason.STOPPING)],
    ["RESOURCE_EXHAUSTED with a time to come back", () => failure(ErrorReason.TOO_MANY_WATCHES, { retryAfterMs: 10 })],
  ])("after %s, even before the first message", async (_name, error) => {
    const interrupted: string[] = [];
    const fails: Act = () => {
      throw error();
    };
    const { begun, call } = await playing(fails, fails, () => revisions(1n));
    const options = { ...quick, onInterrupted: (why: ConnectError) => interrupted.push(why.rawMessage) };
    expect(await take(watch(call, {}, options), 1)).toEqual([1n]);
    expect(begun).toHaveLength(3);
    expect(interrupted).toEqual(["as the test says", "as the test says"]);
  });

  test("when the other side says nothing for too long", async () => {
    const { begun, call } = await playing(
      async function* () {
        yield { revision: 1n };
        yield* forEver();
      },
      () => revisions(2n),
    );
    expect(await take(watch(call, {}, { ...quick, silenceMs: 300 }), 2)).toEqual([1n, 2n]);
    expect(begun).toEqual([undefined, 1n]);
  });

  test("and a slow reader is no silence", async () => {
    const { begun, call } = await playing(async function* () {
      yield* revisions(1n, 2n, 3n);
      yield* forEver();
    });
    const seen: bigint[] = [];
    for await (const { revision } of watch(call, {}, { ...quick, silenceMs: 300 })) {
      seen.push(revision);
      if (revision === 3n) break;
      await sleep(500);
    }
    expect(seen).toEqual([1n, 2n, 3n]);
    expect(begun).toHaveLength(1);
  });

  test("with pauses that grow while nothing gets better", async () => {
    let failed = 0;
    const fails: Act = () => {
      failed += 1;
      throw failure(ErrorReason.STOPPING, { retryAfterMs: 2 ** failed * 100 });
    };
    const { call } = await playing(fails, fails, () => revisions(1n));
    const timers = vi.spyOn(globalThis, "setTimeout");
    await take(watch(call, {}, quick), 1);
    const set = timers.mock.calls.map(([, ms = 0]) => ms);
    timers.mockRestore();
    for (const asked of [200, 400]) expect(set.some((ms) => ms >= asked && ms <= asked + quick.capMs)).toBe(true);
  });
});

test("a watch goes on after a statement that the database ended by its time limit", async () => {
  const { begun, call } = await playing(
    () => {
      throw failure(ErrorReason.QUERY_TIMEOUT);
    },
    function* () {
      yield { revision: 1n };
      throw failure(ErrorReason.QUERY_TIMEOUT);
    },
    () => revisions(2n),
  );
  expect(await take(watch(call, {}, quick), 2)).toEqual([1n, 2n]);
  expect(begun).toEqual([undefined, undefined, 1n]);
});

describe("a watch ends", () => {
  test.each([
    ["PERMISSION_DENIED", ErrorReason.PERMISSION_MISSING],
    ["OUT_OF_RANGE", ErrorReason.WATCH_REVISION_INVALID],
    ["UNAUTHENTICATED", ErrorReason.TOKEN_INVALID],
    ["INTERNAL", ErrorReason.INTERNAL],
  ])("with what does not go away: %s", async (_name, reason) => {
    const { begun, call } = await playing(() => {
      throw failure(reason);
    });
    const error = await take(watch(call, {}, quick), 1).catch((thrown: unknown) => thrown);
    expect(isReason(error, reason)).toBe(true);
    expect(begun).toHaveLength(1);
  });

  test("with what the server says half-way, too", async () => {
    const { call } = await playing(function* () {
      yield { revision: 1n };
      throw failure(ErrorReason.PERMISSION_MISSING);
    });
    const seen: bigint[] = [];
    const all = async () => {
      for await (const { revision } of watch(call, {}, quick)) seen.push(revision);
    };
    const error = await all().catch((thrown: unknown) => thrown);
    expect([seen, isReason(error, ErrorReason.PERMISSION_MISSING)]).toEqual([[1n], true]);
  });

  test("without an error when the signal is aborted: waiting for a message, and between two tries", async () => {
    for (const act of [forEver, () => revisions()]) {
      const { call } = await playing(act);
      const signal = AbortSignal.timeout(200);
      expect(await take(watch(call, {}, { signal, baseMs: 600_000, capMs: 600_000 }), 1)).toEqual([]);
    }
    const { begun, call } = await playing(forEver);
    expect(await take(watch(call, {}, { signal: AbortSignal.abort() }), 1)).toEqual([]);
    expect(begun).toEqual([]);
  });

  test("and closes its stream when the reader leaves the loop", async () => {
    const { call, open } = await playing(async function* () {
      yield { revision: 1n };
      yield* forEver();
    });
    await take(watch(call, {}), 1);
    await expect.poll(open).toBe(0);
  });

  test("and leaves no listener on the signal behind", async () => {
    const { call } = await playing((after = 0n) => revisions(after + 1n));
    const { signal } = new AbortController();
    const counts = { addEventListener: 0, removeEventListener: 0 };
    for (const name of ["addEventListener", "removeEventListener"] as const) {
      const method = signal[name].bind(signal) as typeof signal.addEventListener;
      signal[name] = ((...call: Parameters<typeof method>) => {
        counts[name]++;
        return method(...call);
      }) as typeof method;
    }
    await take(watch(call, {}, { ...quick, signal }), 30);
    expect(counts.addEventListener).toBeGreaterThan(29);
    expect(counts.removeEventListener).toBe(counts.addEventListener);
  });

  test("with what the reader throws", async () => {
    const { begun, call } = await playing(() => revisions(1n));
    const reading = async () => {
      for await (const _ of watch(call, {}, quick)) throw new ConnectError("mine", Code.Unavailable);
    };
    await expect(reading()).rejects.toThrow("mine");
    const messages = watch(call, {}, quick);
    await messages.next();
    await expect(messages.throw(new ConnectError("thrown in", Code.Unavailable))).rejects.toThrow("thrown in");
    expect(begun).toHaveLength(2);
  });
});

describe("the token of a watch", () => {
  test("that runs out on the way is replaced by the next", async () => {
    const sent: (string | null)[] = [];
    const { baseUrl, stop } = await serveScripted({
      async *watchConnections(_request, { requestHeader }) {
        sent.push(requestHeader.get("authorization"));
        if (sent.length === 2) throw failure(ErrorReason.TOKEN_EXPIRED);
        yield { revision: BigInt(sent.length) };
        throw failure(ErrorReason.TOKEN_EXPIRED);
      },
    });
    closers.push(stop);
    let tokens = 0;
    const { connections } = createConnectoryClient({ baseUrl, token: () => `token-${++tokens}` });
    expect(await take(watch(connections.watchConnections, {}, quick), 2)).toEqual([1n, 3n]);
    expect(sent).toEqual(["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
  });

  test("that cannot be replaced ends it", async () => {
    const { call } = await playing(
      function* () {
        yield { revision: 1n };
        throw failure(ErrorReason.TOKEN_EXPIRED);
      },
      () => {
        throw failure(ErrorReason.TOKEN_EXPIRED);
      },
    );
    const error = await take(watch(call, {}, quick), 2).catch((thrown: unknown) => thrown);
    expect(isReason(error, ErrorReason.TOKEN_EXPIRED)).toBe(true);
  });
});

test("the request is the stream's own, and so are the messages", () => {
  const { connections, connectionProfiles } = createConnectoryClient({ baseUrl: "http://127.0.0.1:1", token: "any" });
  const messages = watch(connections.watchConnections, { userId: "alice", afterRevision: 1n });
  expectTypeOf(messages).toEqualTypeOf<AsyncGenerator<WatchConnectionsResponse, void, undefined>>();
  // @ts-expect-error: no such field
  watch(connections.watchConnections, { user: "alice" });
  // @ts-expect-error: this stream cannot go on where it was
  watch(connectionProfiles.streamConnectionProfileTest, {});
});

test("every stream that can go on says so in the fields that watch knows", () => {
  const streams = [ConnectionService, ConnectionProfileService]
    .flatMap(({ methods }) => methods)
    .filter(({ methodKind, output }) => methodKind === "server_streaming" && output.fields.some(isPosition));
  expect(streams.map(({ name }) => name)).toContain("WatchConnections");
  for (const { input, output } of streams) {
    expect(input.fields.filter(isPosition).map(({ localName }) => localName)).toEqual(["afterRevision"]);
    expect(output.fields.filter(isPosition).map(({ localName }) => localName)).toEqual(["revision"]);
  }
});

const isPosition = (field: DescField) => getOption(field, stream_position);
