import { createContextValues } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../../src/auth/principal.ts";
import { originKey } from "../../src/interceptors/call/call-origin.ts";
import { createLoadShedder, shedKey } from "../../src/interceptors/load-shedding/load-shedder.ts";
import { createHeaderChain } from "../../src/server/dispatch/run-header-interceptors.ts";
import { silent } from "../../src/telemetry/telemetry.ts";

/** A shedder whose clock and whose turns of the event loop are the test's. */
function controlled() {
  let at = 0;
  let end = () => {};
  const counted: [name: string, count: number, labels: unknown][] = [];
  const shedder = createLoadShedder({
    log: pino({ level: "silent" }),
    meter: Object.assign(Object.create(silent.meter), {
      createCounter: (name: string) => ({
        add: (count: number, labels: unknown) => void counted.push([name, count, labels]),
      }),
    }),
    now: () => at,
    atTurnEnd: (run) => {
      end = run;
    },
  });
  const { getConnection: method, watchConnections } = ConnectionService.method;
  const running: PromiseWithResolvers<void>[] = [];
  const arrival = (organizationId: string, stream = false, late = false) => ({
    service: ConnectionService,
    method: stream ? watchConnections : method,
    requestMethod: "POST",
    url: "",
    signal: AbortSignal.any([]),
    requestHeader: new Headers({ authorization: `Bearer ${organizationId}` }),
    values: createContextValues()
      .set(principalKey, {
        organizationId,
        userId: "u",
        permissions: new Set<string>(),
        expiresAt: 0,
        sessionId: "",
      })
      .set(originKey, { protocol: "rest", peer: undefined, bytes: undefined, logged: false, late }),
  });
  return {
    shedder,
    counted,
    pass: (ms: number) => {
      at += ms;
    },
    endTurn: () => end(),
    begin: (organizationId: string, count: number) => {
      for (let index = 0; index < count; index += 1) {
        const ended = Promise.withResolvers<void>();
        running.push(ended);
        const interceptor = shedder.count((() => ended.promise) as never);
        void interceptor({
          stream: false,
          method,
          contextValues: arrival(organizationId).values,
        } as unknown as Parameters<typeof interceptor>[0]);
      }
    },
    endAll: async () => {
      for (const { resolve } of running.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
    admit: async (organizationId: string, stream = false, late = false) => {
      const of = arrival(organizationId, stream, late);
      let passed = false;
      const chain = createHeaderChain([shedder.admission], of, () => {
        passed = true;
      });
      const error = await chain(of).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      return { passed, error, shed: of.values.get(shedKey) };
    },
  };
}

const refused = {
  passed: false,
  shed: true,
  error: { reason: ErrorReason.QUEUE_FULL, detail: { retryAfterMs: expect.any(Number) } },
};
const letIn = { passed: true, error: undefined, shed: false };

/** Calls have waited for the database for longer than they may, for three seconds. */
function waitLong({ shedder, pass, endTurn }: ReturnType<typeof controlled>): void {
  for (let index = 0; index < 30; index += 1) {
    pass(100);
    shedder.queueWaited(600);
  }
  endTurn();
}

describe("while calls wait too long for the database", () => {
  test("whoever has more than its share is refused before its call begins, and who has less is let in", async () => {
    const all = controlled();
    all.begin("flood", 400);
    all.begin("small", 3);
    waitLong(all);
    expect(await all.admit("flood")).toMatchObject(refused);
    expect(await all.admit("small")).toMatchObject(letIn);
    expect(await all.admit("new")).toMatchObject(letIn);
    expect(all.counted).toEqual([["connectory.calls.shed", 1, { "connectory.overload": "database" }]]);
  });

  test("a stream is no work that is refused here", async () => {
    const all = controlled();
    all.begin("flood", 400);
    waitLong(all);
    expect(await all.admit("flood", true)).toMatchObject(letIn);
  });

  test("all are let in again when they do not wait any more, or when few calls run", async () => {
    const all = controlled();
    all.begin("flood", 400);
    waitLong(all);
    expect(await all.admit("flood")).toMatchObject(refused);
    all.shedder.queueWaited(1);
    expect(await all.admit("flood")).toMatchObject(letIn);
    all.shedder.queueWaited(600);
    expect(await all.admit("flood")).toMatchObject(refused);
    await all.endAll();
    expect(await all.admit("flood")).toMatchObject(letIn);
  });

  test("a burst that goes by refuses nobody", async () => {
    const all = controlled();
    all.begin("flood", 400);
    all.shedder.queueWaited(600);
    all.pass(1500);
    all.shedder.queueWaited(600);
    expect(await all.admit("flood")).toMatchObject(letIn);
  });

  test("those who are let in beyond that are bounded in a turn, however many organizations there are", async () => {
    const all = controlled();
    all.begin("flood", 400);
    waitLong(all);
    const many = await Promise.all(Array.from({ length: 200 }, (_, index) => all.admit(`organization-${index}`)));
    expect(many.filter(({ passed }) => passed)).toHaveLength(64);
  });
});

describe("while turns of the event loop take too long to begin what has arrived", () => {
  const longTurns = async (all: ReturnType<typeof controlled>) => {
    for (let index = 0; index < 30; index += 1) {
      await all.admit("flood");
      all.pass(100);
      all.endTurn();
    }
  };

  test("a turn that is over its time refuses the rest, but for who has less than its share", async () => {
    const all = controlled();
    all.begin("flood", 400);
    await longTurns(all);
    expect(await all.admit("flood")).toMatchObject(letIn); // the first of a turn
    all.pass(51);
    expect(await all.admit("flood")).toMatchObject(refused);
    expect(await all.admit("small")).toMatchObject(letIn);
  });

  test("one long turn refuses nobody", async () => {
    const all = controlled();
    all.begin("flood", 400);
    await all.admit("flood");
    all.pass(900);
    expect(await all.admit("flood")).toMatchObject(letIn);
  });
});

test.each([false, true])(
  "a call that has waited too long is refused, whatever else runs; a stream: %s",
  async (stream) => {
    const all = controlled();
    expect(await all.admit("small", stream, true)).toMatchObject(refused);
    expect(all.counted).toEqual([["connectory.calls.shed", 1, { "connectory.overload": "event_loop" }]]);
  },
);

test("an organization is known by its header once it was let in", async () => {
  const { shedder, admit } = controlled();
  expect(shedder.organizationOf("Bearer acme")).toBe("");
  await admit("acme");
  expect(shedder.organizationOf("Bearer acme")).toBe("acme");
});
