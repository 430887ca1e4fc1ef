import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TestStage, TestStatus } from "../../../gen/connectory/v1/test_report_pb.js";
import { type LocalServer, startLocalServer } from "../../connectors/local-server.ts";
import { endedByDeadline } from "../../support/ended-by-deadline.ts";
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

/** Answers the first bytes of every connection with these. */
async function answering(hex: string): Promise<LocalServer> {
  const server = await startLocalServer((socket) => socket.once("data", () => socket.write(Buffer.from(hex, "hex"))));
  servers.push(server);
  return server;
}

const postgres = ({ port }: LocalServer) => ({
  connector: { case: "postgres" as const, value: { host: "127.0.0.1", port, username: "u", password: "p" } },
});
const kafka = ({ endpoint }: LocalServer) => ({
  connector: { case: "kafka" as const, value: { bootstrapServers: endpoint } },
});
/** Said when the worker had to be terminated. A test whose bytes had not come by its deadline ends in the same stage, by itself. */
const unreadable = "did not speak the protocol in a way that could be read";
/** A server that refuses in order: an ErrorResponse of PostgreSQL with SQLSTATE 28P01. */
const refusal = `45${(4 + "SFATAL\0C28P01\0Mno\0\0".length).toString(16).padStart(8, "0")}${Buffer.from("SFATAL\0C28P01\0Mno\0\0").toString("hex")}`;

describe.each([
  ["never lets pg's parser go", "450000000553535353", postgres, "TIMED_OUT"],
  ["makes pg's parser throw", "5200000008000000005400000006ffff", postgres, "NOT_A_POSTGRES_SERVER"],
  ["makes kafkajs's parser throw", "000000020000", kafka, "NOT_A_KAFKA_BROKER"],
] as const)("a server that %s", (_, hex, configOf, code) => {
  test("fails its own test; others go on, and so does its organization afterwards", async () => {
    const hostile = await answering(hex);
    const honest = await answering(refusal);
    const [victim, other] = [service.clientOf(`victim-${code}`), service.clientOf("other")];
    const attack = (deadlineMs: number) =>
      service.clientOf(`victim-${code}`, "alice", { deadlineMs }).testConnectionProfile({ config: configOf(hostile) });
    // What comes back, or ends its thread, needs no deadline to end it.
    const attacked =
      code === "TIMED_OUT" ? endedByDeadline(attack, ({ message }) => message.includes(unreadable)) : attack(600_000);
    await expect.poll(() => hostile.total()).toBeGreaterThan(0);

    // Meanwhile another organization reads, and tests.
    expect((await other.listConnectors({})).connectors.length).toBeGreaterThan(0);
    const meanwhile = await other.testConnectionProfile({ config: postgres(honest) });
    expect(meanwhile.message).toContain("PASSWORD_WRONG");

    const answer = await attacked;
    expect(answer).toMatchObject({ error: true, done: true });
    const failed = answer.report?.steps.filter(({ status }) => status === TestStatus.FAILED) ?? [];
    expect(failed.map((step) => [step.stage, step.code])).toEqual([[TestStage.AUTHENTICATE, code]]);
    if (code === "TIMED_OUT") expect(answer.message).toContain(unreadable);
    const statuses = answer.report?.steps.map(({ stage, status }) => `${TestStage[stage]} ${TestStatus[status]}`);
    expect(statuses).toEqual(expect.arrayContaining(["CONNECT PASSED", "CAPABILITY NOT_EXECUTED"]));
    await expect.poll(() => hostile.open()).toBe(0);

    const again = await victim.testConnectionProfile({ config: postgres(honest) });
    expect(again.message).toContain("PASSWORD_WRONG");
  });

  test("lets go of a caller who goes away", async () => {
    const hostile = await answering(hex);
    const caller = new AbortController();
    const client = service.clientOf("leaving");
    const call = client.testConnectionProfile({ config: configOf(hostile) }, { signal: caller.signal });
    const ended = call.catch((error: unknown) => error);
    await expect.poll(() => hostile.total()).toBe(1);
    caller.abort();
    await ended;
    await expect.poll(() => hostile.open()).toBe(0);
  });
});
