import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { createHandlerContext } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  ConnectionProfileService,
  StreamConnectionProfileTestRequestSchema,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { PostgresConfigSchema } from "../../../gen/connectory/v1/postgres_config_pb.js";
import { TestStage, TestStatus, TestStepSchema } from "../../../gen/connectory/v1/test_report_pb.js";
import { streamConnectionProfileTest } from "../../../src/connection-profiles/handlers/stream-connection-profile-test.ts";
import { connectors } from "../../../src/connectors/registry.ts";
import { emptyPage, unsupportedOutcome } from "../../../src/test-workers/probe/run-probe.ts";
import type { WorkerPool } from "../../../src/test-workers/worker-pool.ts";
import { blackHole, type LocalServer } from "../../connectors/local-server.ts";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
const servers: LocalServer[] = [];
beforeAll(async () => {
  service = await startProfileService();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => service.drop());

async function hole(): Promise<LocalServer> {
  const server = await blackHole();
  servers.push(server);
  return server;
}

const postgres = (port: number) => ({
  connector: {
    case: "postgres" as const,
    value: { host: "127.0.0.1", port, username: "u", password: canary("streamed") },
  },
});

const triesOf = (organization: string) =>
  service.knex("event").where({ organization_id: organization, type: "connection-profile.tested" });

describe("the stream of a test", () => {
  test("has its steps as they begin and end, and the whole answer at the end", async () => {
    const { port } = await hole();
    const client = service.clientOf("stream", "alice", { deadlineMs: 15_000 });
    const answers = await Array.fromAsync(client.streamConnectionProfileTest({ config: postgres(port) }));
    const at = `127.0.0.1:${port}`;
    const last = answers.pop();
    expect(answers.map(({ message, error, done }) => [message, error, done])).toEqual([
      [`${at}: Resolving the name …`, false, false],
      [`${at}: Resolving the name: it works`, false, false],
      [`${at}: Asking whether it may be dialled …`, false, false],
      [`${at}: Asking whether it may be dialled: it works`, false, false],
      [`${at}: Connecting …`, false, false],
      [`${at}: Connecting: it works`, false, false],
      [`${at}: Securing the connection: not needed`, false, false],
      [`${at}: Logging in …`, false, false],
      [
        `${at}: Logging in: no answer in time: check host and port, and the firewalls in between (TIMED_OUT)`,
        true,
        false,
      ],
    ]);
    expect(answers.every(({ step, report }) => step !== undefined && report === undefined)).toBe(true);
    expect(last).toMatchObject({ error: true, done: true });
    expect(last?.step).toBeUndefined();
    expect(last?.message).toContain("TIMED_OUT");
    const ended = answers.flatMap(({ step }) => (step?.status === TestStatus.RUNNING ? [] : [step]));
    expect(last?.report?.steps.slice(0, ended.length)).toEqual(ended);
    expect(await triesOf("stream")).toHaveLength(1);
  });

  test("begins before the test has ended", async () => {
    const { port } = await hole();
    const client = service.clientOf("early", "alice", { deadlineMs: 600_000 });
    for await (const { step } of client.streamConnectionProfileTest({ config: postgres(port) }))
      if (step?.stage === TestStage.AUTHENTICATE && step.status === TestStatus.RUNNING) break;
  });

  test("that nobody reads any more ends the test", async () => {
    let aborted = false;
    const step = create(TestStepSchema, { stage: TestStage.CONNECT, status: TestStatus.RUNNING });
    const config = create(PostgresConfigSchema);
    const verb = streamConnectionProfileTest({
      resolveTestTarget: async () => ({
        connector: connectors.postgres,
        config,
        profile: undefined,
        withoutSecrets: create(ConnectorConfigSchema),
        edited: false,
      }),
      runLiveTest: async ({ context: { signal }, onStep }) => {
        onStep?.(step);
        await once(signal, "abort");
        aborted = true;
        onStep?.(step);
        throw signal.reason;
      },
    });
    const context = createHandlerContext({
      service: ConnectionProfileService,
      method: ConnectionProfileService.method.streamConnectionProfileTest,
      protocolName: "grpc",
      requestMethod: "POST",
      url: "http://localhost/",
    });
    for await (const answer of verb(create(StreamConnectionProfileTestRequestSchema), context)) {
      expect(answer.message).toBe("Connecting …");
      break;
    }
    expect(aborted).toBe(true);
  });

  test("whose test fails while nobody reads fails when somebody reads on", async () => {
    const runTest: WorkerPool["run"] = async ({ onStep }) => {
      onStep?.(create(TestStepSchema, { stage: TestStage.CONNECT, status: TestStatus.RUNNING }));
      throw new Error("a defect");
    };
    const client = service.clientOf("unread", "alice", { runTest });
    const stream = client.streamConnectionProfileTest({ config: postgres(1) })[Symbol.asyncIterator]();
    expect((await stream.next()).value).toMatchObject({ message: "Connecting …" });
    // Node tells of a rejection that nobody has heard of before the next turn of its loop.
    await sleep(50);
    expect((await failureOf(stream.next())).reason).toBe("INTERNAL");
  });

  test("that is cancelled ends the test and closes its sockets", async () => {
    const server = await hole();
    const caller = new AbortController();
    const client = service.clientOf("cancelled", "alice", { deadlineMs: 600_000 });
    const config = postgres(server.port);
    const stream = Array.fromAsync(client.streamConnectionProfileTest({ config }, { signal: caller.signal }));
    const failed = failureOf(stream);
    await expect.poll(() => server.open()).toBe(1);
    caller.abort();
    expect((await failed).code).toBe("Canceled");
    await expect.poll(() => server.open()).toBe(0);
    await expect.poll(() => triesOf("cancelled")).toMatchObject([{ data: { test: { cancelled: true } } }]);
  });

  test("holds a bounded number of steps for a caller who reads slowly, and the end in any case", async () => {
    const step = create(TestStepSchema, { stage: TestStage.CONNECT, status: TestStatus.PASSED });
    const runTest: WorkerPool["run"] = async ({ onStep }) => {
      for (let number = 1; number <= 10_000; number++) onStep?.({ ...step, number });
      return { ...unsupportedOutcome(), page: emptyPage };
    };
    const client = service.clientOf("slow", "alice", { runTest });
    const answers = await Array.fromAsync(client.streamConnectionProfileTest({ config: postgres(1) }));
    expect(answers.length).toBeLessThan(200);
    expect(answers[0]?.step?.number).toBe(1);
    expect(answers.at(-1)?.done).toBe(true);
  });

  test.each([
    [{}, "config"],
    [
      { config: { connector: { case: "postgres" as const, value: { host: "h", port: 1 } } } },
      "config.postgres.username",
    ],
  ])("case %#: of a request that is wrong fails and dials nothing", async (request, field) => {
    const stream = Array.fromAsync(service.clientOf("wrong").streamConnectionProfileTest(request));
    expect(await failureOf(stream)).toMatchObject({ reason: "FIELD_INVALID", fields: [field] });
  });

  test("of a connector that has no profiles is its end alone", async () => {
    const stream = service.clientOf("none").streamConnectionProfileTest({ connector: "blackhole" });
    const answers = await Array.fromAsync(stream);
    expect(answers).toMatchObject([{ error: false, done: true, message: "This connector does not support testing" }]);
  });
});
