import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ConnectionProfileService,
  GetConnectionProfileResponseSchema as ProfileAnswer,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import {
  ConnectionService,
  ListConnectionsResponseSchema as ListAnswer,
} from "../../gen/connectory/v1/connection_service_pb.js";
import { toUrl } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";
import { freePort } from "../support/free-port.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { type BlackHole, startBlackHole } from "../support/servers/black-hole.ts";
import { goProgram, goPrograms } from "../support/servers/go-program.ts";
import { buildClient } from "./other-languages/build-client.ts";
import { docSection } from "./other-languages/doc-section.ts";
import { findToolchain } from "./other-languages/find-toolchain.ts";
import { languages } from "./other-languages/languages.ts";
import { runScript } from "./other-languages/run-script.ts";

const certificate = (name: string) => join(import.meta.dirname, "../support/certificates", `${name}.pem`);

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let dataDir: string;
let server: ServerProcess;
let secure: ServerProcess;
let blackHole: BlackHole;
let closed: string;

beforeAll(async () => {
  database = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "connectory-languages-"));
  const environment = {
    // A client's deadline comes before.
    TEST_TIMEOUT_MS: "60000",
    DATABASE_URL: toUrl(database.target),
    SECRET_KEYS: `test:${Buffer.alloc(32, 7).toString("base64")}`,
  };
  server = await startServer({ ...environment, DATA_DIR: join(dataDir, "clear") });
  secure = await startServer({
    ...environment,
    DATA_DIR: join(dataDir, "secure"),
    TLS_CERT_FILE: certificate("server"),
    TLS_KEY_FILE: certificate("server-key"),
    TLS_CLIENT_CA_FILE: certificate("authority"),
  });
  blackHole = await startBlackHole();
  closed = `127.0.0.1:${await freePort()}`;
});
afterAll(async () => {
  await blackHole?.stop();
  await Promise.all([server?.end("SIGTERM"), secure?.end("SIGTERM")]);
  await database?.drop();
  await rm(dataDir, { recursive: true, force: true });
});

/** A message in protobuf's JSON form. */
type Json = Record<string, unknown>;

/** What a client prints. */
interface Results {
  readonly connected: Json;
  readonly again: Json;
  readonly invalid: Json;
  readonly profile: { readonly id: string };
  readonly pages: readonly { readonly connections: readonly Json[]; readonly nextPageToken?: string }[];
  readonly watched: readonly Json[];
  readonly quiet: Json;
  readonly test: Json;
  readonly steps: readonly Json[];
  readonly late: Json;
}

describe.each(languages)("a client in $name", (language) => {
  const { name, folder } = language;
  const { commands } = docSection(name);
  const user = `${folder}-user`;

  describe("built as its section says", () => {
    let cwd: string;
    let results: Results;
    let overTls: Results;

    async function run(address: string, token: string, who: string, more: Record<string, string> = {}) {
      const env = {
        ...language.environment,
        CONNECTORY_ADDRESS: address,
        CONNECTORY_TOKEN: token,
        USER_ID: who,
        CLOSED_ADDRESS: closed,
        SILENT_ADDRESS: `127.0.0.1:${blackHole.silent}`,
        ...more,
      };
      return JSON.parse(await runScript(commands[1] ?? "", { cwd, env, seconds: 60 })) as Results;
    }

    beforeAll(async () => {
      cwd = await buildClient(language, await findToolchain(language));
      [results, overTls] = await Promise.all([
        run(server.grpcAddress, server.token, user),
        run(secure.grpcAddress, secure.token, `${user}-tls`, {
          CONNECTORY_CA: certificate("authority"),
          CONNECTORY_CERT: certificate("client"),
          CONNECTORY_KEY: certificate("client-key"),
        }),
      ]);
    }, 900_000);

    test("connects two users, under its request id and trace", async () => {
      expect(results.connected).toMatchObject({ userId1: user, userId2: `${user}-1`, isActive: true, _owner: "alice" });
      const [event] = await database.knex("event").where({ subject: results.connected.id });
      expect(event).toMatchObject({ request_id: `connect-${user}` });
      expect(event.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
    });

    test("finds the connection that is in the way by the id in ErrorInfo", () => {
      expect(results.again).toEqual(results.connected);
    });

    test("gets every wrong field from BadRequest", () => {
      expect(results.invalid).toEqual({
        code: "INVALID_ARGUMENT",
        reason: "FIELD_INVALID",
        metadata: {},
        violations: {
          user_id_1: expect.stringContaining("must be 1 to 128 letters"),
          user_id_2: expect.stringContaining("required"),
        },
        request_id: `invalid-${user}`,
      });
    });

    test("reads a list in pages, as the server has it", async () => {
      const { grpc } = connectClients(ConnectionService, server, server.token);
      const { connections } = toJson(
        ListAnswer,
        await grpc.listConnections({ userId: user }),
      ) as unknown as Results["pages"][0];
      expect(results.pages.map((page) => page.connections.length)).toEqual([2, 2, 1]);
      expect(results.pages.flatMap((page) => page.connections)).toEqual(connections);
      expect(results.pages.map((page) => page.nextPageToken !== undefined)).toEqual([true, true, false]);
    });

    test("keeps a profile, as the server has it", async () => {
      const { grpc } = connectClients(ConnectionProfileService, server, server.token);
      const kept = await grpc.getConnectionProfile({ id: results.profile.id });
      expect(toJson(ProfileAnswer, kept)).toEqual({ connectionProfile: results.profile });
      expect(results.profile).toMatchObject({ connector: "kafka", config: { kafka: { bootstrapServers: closed } } });
    });

    test("watches, breaks off, and goes on without loss or repetition", () => {
      const change = "CONNECTION_CHANGE_CREATED";
      const connected = results.pages
        .flatMap((page) => page.connections)
        .slice(0, -1)
        .reverse();
      const revisions = results.watched.map(({ revision }) => Number(revision));
      expect(results.watched).toMatchObject(connected.map((connection) => ({ change, connection })));
      expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
      expect(new Set(revisions).size).toBe(4);
    });

    test("has a deadline", () => {
      expect(results.quiet).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    });

    test("learns why a system that is down fails its test, and one that never answers before the client's own deadline", () => {
      const failed = (code: string) => ({
        error: true,
        done: true,
        report: { steps: expect.arrayContaining([expect.objectContaining({ status: "TEST_STATUS_FAILED", code })]) },
      });
      expect(results.test).toMatchObject(failed("CONNECTION_REFUSED"));
      expect(results.late).toMatchObject(failed("TIMED_OUT"));
    });

    test("reads the steps of a test as a stream, the report last", () => {
      const said = results.steps.map((message) => (message.step as Json | undefined)?.status);
      expect(said.slice(0, 2)).toEqual(["TEST_STATUS_RUNNING", "TEST_STATUS_PASSED"]);
      expect(said.at(-1)).toBeUndefined();
      expect(results.steps.at(-1)).toMatchObject({ error: true, done: true, report: { steps: expect.anything() } });
      expect(results.steps.filter(({ done }) => done)).toHaveLength(1);
    });

    test("shows its certificate to a server that asks for one, over TLS", () => {
      expect(overTls.connected).toMatchObject({ userId1: `${user}-tls` });
    });
  });
});

const grpcurl = await goProgram(goPrograms.grpcurl);

test("what the page says of grpcurl and curl works as it stands", async () => {
  const env = {
    PATH: `${dirname(grpcurl)}:${process.env.PATH}`,
    CONNECTORY_ADDRESS: server.grpcAddress,
    CONNECTORY_URL: server.httpUrl,
    CONNECTORY_TOKEN: server.token,
  };
  const run = (script = "") => runScript(script, { cwd: dataDir, env, seconds: 20 });
  const [described = "", created = ""] = (await run(docSection("grpcurl").commands[0])).split(/^(?=\{)/m);
  expect(described).toContain("rpc CreateConnection (");
  const [rest, connect] = docSection("curl").commands;
  const listed = { connections: [JSON.parse(created).connection] };
  expect(JSON.parse(await run(rest))).toMatchObject(listed);
  expect(JSON.parse(await run(connect))).toMatchObject(listed);
});
