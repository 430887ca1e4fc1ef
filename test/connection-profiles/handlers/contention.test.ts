import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ValidationMode } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { type ProfileClient, startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const edits = (value: { port?: number; password?: string; database?: string }) => ({
  connector: { case: "postgres" as const, value },
});

async function createIn(client: ProfileClient) {
  const value = { host: "127.0.0.1", port: 1, username: "ann", password: canary("contended") };
  const config = { connector: { case: "postgres" as const, value } };
  const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
  if (connectionProfile === undefined) throw new Error("nothing was created");
  return connectionProfile;
}

describe("many updates of one profile at once", () => {
  test("without an etag all take effect, one after the other", async () => {
    const client = service.clientOf("contention");
    const { id } = await createIn(client);
    const calls = Array.from({ length: 50 }, (_, index) =>
      client.updateConnectionProfile({ id, name: `name ${index}` }),
    );
    expect((await Promise.allSettled(calls)).filter(({ status }) => status === "rejected")).toEqual([]);
    const { revisions } = await client.listConnectionProfileRevisions({ id });
    expect(revisions).toHaveLength(50);
  });

  test("from several servers none is lost in silence, and no reader sees a mixture", async () => {
    const servers = Array.from({ length: 4 }, () => service.clientOf("servers"));
    const [first] = servers;
    if (first === undefined) throw new Error("there is a server");
    const { id } = await createIn(first);
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const client = servers[index % servers.length] ?? first;
        const moved = edits({ port: index + 1, password: canary(`moved-${index}`) });
        if (index % 2 === 0) return failureOfOrNothing(client.updateConnectionProfile({ id, config: moved }));
        return failureOfOrNothing(client.testConnectionProfile({ id, config: edits({ database: `d${index}` }) }));
      }),
    );
    const reasons = new Set(outcomes.map((failure) => failure?.reason));
    reasons.delete(undefined);
    // A test that reads the place before and the password after a move would find the password unreadable.
    for (const reason of reasons) expect(["ETAG_MISMATCH", "TOO_MANY_TESTS"]).toContain(reason);
    const written = outcomes.filter((failure, index) => index % 2 === 0 && failure === undefined).length;
    expect((await first.listConnectionProfileRevisions({ id })).revisions).toHaveLength(written + 1);
  });

  test("with a live test each is tested once, whoever wrote in between", async () => {
    let tests = 0;
    const client = service.clientOf("live-once", "ann", {
      runTest: async () => {
        tests += 1;
        return { error: false, message: "fine", report: emptyReport, page: { resources: [], nextCursor: "" } };
      },
    });
    const { id } = await createIn(client);
    const live = { validationMode: ValidationMode.LIVE };
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => client.updateConnectionProfile({ id, name: `n${index}`, ...live })),
    );
    expect(tests).toBe(8);
  });
});

async function failureOfOrNothing(call: Promise<unknown>) {
  return call.then(
    () => undefined,
    (error: unknown) => failureOf(Promise.reject(error)),
  );
}

const emptyReport = { $typeName: "connectory.v1.TestReport" as const, steps: [], facts: [] };
