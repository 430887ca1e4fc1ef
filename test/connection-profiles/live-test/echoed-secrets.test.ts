import { toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectionProfileSchema } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { type LocalServer, startLocalServer } from "../../connectors/local-server.ts";
import { secretEncodings } from "../../connectors/secret-encodings.ts";
import { canary } from "../../support/canary.ts";
import { startProfileService } from "../start-profile-service.ts";

const secret = canary("echoed-into-facts");
const encoded = Buffer.from(`default:${secret}`).toString("base64");

let service: Awaited<ReturnType<typeof startProfileService>>;
let target: LocalServer;
beforeAll(async () => {
  service = await startProfileService();
  const info = `redis_version:${secret}\r\nredis_mode:${encoded}\r\nrole:master\r\n`;
  const answers: Readonly<Record<string, string>> = {
    AUTH: "+OK\r\n",
    PING: "+PONG\r\n",
    INFO: `$${info.length}\r\n${info}\r\n`,
  };
  target = await startLocalServer((socket) =>
    socket.on("data", (chunk) => {
      for (const [, name = ""] of chunk.toString("latin1").matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g))
        socket.write(answers[name] ?? "-ERR unknown command\r\n");
    }),
  );
});
afterAll(async () => {
  await target.close();
  await service.drop();
});

test("a secret that a Redis sends back is in no answer, no row and no event", async () => {
  const client = service.clientOf("echo");
  const value = { address: `redis://127.0.0.1:${target.port}`, password: secret };
  const config = { connector: { case: "redis" as const, value } };
  const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
  const id = connectionProfile?.id ?? "";
  const { error, report } = await client.testConnectionProfile({ id });
  expect(error).toBe(false);
  const facts = report?.facts.map((fact) => `${fact.name}=${fact.value}`);
  expect(facts).toEqual(["server_version=[redacted]", "mode=[redacted]", "role=master"]);

  const viewer = service.clientOf("echo", "eve", { permissions: ["profiles.read"] });
  const shown = (await viewer.getConnectionProfile({ id })).connectionProfile;
  expect(shown?.lastTest).toBeDefined();
  const rows = await Promise.all(
    ["connection_profile", "event"].map((table) => service.knex.raw(`select t::text as row from ${table} as t`)),
  );
  const kept = [
    toJsonString(ConnectionProfileSchema, shown ?? connectionProfile ?? raise()),
    ...rows.flatMap(({ rows }: { rows: readonly { row: string }[] }) => rows.map(({ row }) => row)),
  ];
  expect(kept.length).toBeGreaterThan(3);
  expect(kept.join("\n")).toContain("connection-profile.tested");
  for (const form of Object.values(secretEncodings(secret, "default"))) expect(kept.join("\n")).not.toContain(form);
});

function raise(): never {
  throw new Error("there is no profile");
}
