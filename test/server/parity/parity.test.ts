import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { freePort } from "../../support/free-port.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startPostgres } from "../../support/servers/start-postgres.ts";
import { normalize } from "./normalize.ts";
import { openProtocols, type ProtocolName, protocolNames } from "./open-protocols.ts";
import { playScenario } from "./scenario.ts";

const target = await serverForTests(startPostgres);
let app: TestApp;
const transcripts = new Map<ProtocolName, JsonObject[]>();

beforeAll(async () => {
  app = await startTestApp({ CONNECTION_ACCESS: "participant" });
  const protocols = openProtocols(app);
  const closedPort = await freePort();
  for (const name of protocolNames) {
    const issue = (org: string, roles: readonly string[], lifetime = "1h") => {
      if (app.app.localIssuer === undefined) throw new Error("no local issuer");
      return app.app.localIssuer.issue({ userId: "alice", organizationId: org, roles, lifetime });
    };
    const { port, database, users } = target;
    const played = await playScenario(protocols[name], {
      admin: await issue(name, ["admin"]),
      member: await issue(name, ["member"]),
      viewer: await issue(name, ["viewer"]),
      outsider: await issue(`not ${name}`, ["admin"]),
      expired: await issue(name, ["admin"], "-1h"),
      target: { host: "127.0.0.1", port, database, ...users.tester } as never,
      closedPort,
    });
    transcripts.set(name, normalize(played) as JsonObject[]);
  }
});
afterAll(async () => {
  await app.stop();
  await target.stop();
});

const of = (name: ProtocolName) => transcripts.get(name) ?? [];

/** MCP answers with a stream's last message; the others before it are progress notifications. */
function asSeenBy(name: ProtocolName, entry: JsonObject): JsonObject {
  const messages = entry.messages as JsonValue[] | undefined;
  return name === "mcp" && messages !== undefined ? { ...entry, messages: messages.slice(-1) } : entry;
}

describe("one script of calls, by every protocol", () => {
  test.each(protocolNames)("%s succeeds and refuses as it should", (name) => {
    const outcomes = of(name).map(({ what, refused }) => [what, (refused as JsonObject | undefined)?.reason ?? "ok"]);
    expect(outcomes).toEqual(of(name).map(({ what, expected }) => [what, expected]));
  });

  test.each(protocolNames.filter((name) => name !== "grpc"))(
    "%s gives the same data and the same errors as gRPC",
    (name) => {
      const expected = of("grpc").map((entry) => asSeenBy(name, entry));
      expect(expected.length).toBeGreaterThan(60);
      for (const [index, entry] of of(name).entries()) expect(entry).toEqual(expected[index]);
      expect(of(name)).toHaveLength(expected.length);
    },
  );
});
