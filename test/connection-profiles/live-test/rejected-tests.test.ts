import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openSharedWorker } from "../../../src/test-workers/shared-worker.ts";
import { blackHole, type LocalServer } from "../../connectors/local-server.ts";
import { failureOf } from "../expect-error.ts";
import { startProfileService } from "../start-profile-service.ts";

const egress = { allow: [], deny: [], allowLoopback: true };
const targetLimits = { total: 1, perOrganization: 1 };
const threads = openSharedWorker({ egress, log: pino({ level: "silent" }), maxThreads: 50, targetLimits });
const holes: LocalServer[] = [];
let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService({ runTest: threads.run });
});
afterEach(async () => {
  for (const hole of holes.splice(0)) await hole.close();
});
afterAll(async () => {
  await threads.close();
  await service.drop();
});

async function startHole(): Promise<LocalServer> {
  const hole = await blackHole();
  holes.push(hole);
  return hole;
}

const kafka = (...servers: LocalServer[]) => ({
  connector: { case: "kafka" as const, value: { bootstrapServers: servers.map(({ endpoint }) => endpoint).join() } },
});

const eventsOf = (organization: string) =>
  service.knex("event").where({ organization_id: organization, type: "connection-profile.tested" });

test("what was refused at its target is in the event log when it had dialled another one before, and else not", async () => {
  const [taken, free] = [await startHole(), await startHole()];
  const caller = new AbortController();
  const first = failureOf(service.clientOf("first").testConnectionProfile({ config: kafka(taken) }, caller));
  await expect.poll(() => taken.open()).toBe(1);

  const second = service.clientOf("second");
  const refused = {
    code: "ResourceExhausted",
    reason: "TOO_MANY_TESTS",
    retry: true,
    message: "this server runs as many tests as it can at present: try again in a moment",
  };
  expect(await failureOf(second.testConnectionProfile({ config: kafka(taken) }))).toMatchObject(refused);
  expect(await eventsOf("second")).toEqual([]);
  expect(await failureOf(second.testConnectionProfile({ config: kafka(free, taken) }))).toMatchObject(refused);
  expect(await eventsOf("second")).toHaveLength(1);
  await expect.poll(() => free.open()).toBe(0);
  expect(taken.total()).toBe(1);

  caller.abort();
  await first;
  await expect.poll(() => eventsOf("first")).toHaveLength(1);
});
