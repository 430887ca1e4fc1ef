import { afterEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type LocalServer, pem, secure, startLocalServer } from "../local-server.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";
import { type FakeBroker, fakeBroker } from "./fake-broker.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A cluster of one fake broker, which sends its clients to itself. */
async function serve(how: FakeBroker, certificate?: string): Promise<LocalServer> {
  const server: LocalServer = await startLocalServer((socket) => {
    const advertise = [{ host: "localhost", port: server.port }];
    fakeBroker(certificate === undefined ? socket : secure(socket, certificate), { advertise, ...how });
  });
  servers.push(server);
  return server;
}

const [topicAuthorizationFailed, clusterAuthorizationFailed, securityDisabled, leaderNotAvailable] = [29, 31, 54, 5];
const describeAcls = 29;
const saslAuthenticate = 36;

describe("an empty list of topics", () => {
  test.each([
    [
      "of a user who may not describe the cluster is a missing permission",
      clusterAuthorizationFailed,
      "PERMISSION_DENIED",
    ],
    ["of a user who may is a cluster without topics", 0, undefined],
    ["of a cluster without access rules is one without topics", securityDisabled, undefined],
    ["of a broker that does not know the question is one without topics", undefined, undefined],
  ])("%s", async (_, aclError, code) => {
    const server = await serve({ ...(aclError === undefined ? {} : { aclError }) });
    const outcome = await tryConnector("kafka", { bootstrapServers: server.endpoint });
    expect(failure(outcome)?.code).toBe(code);
    expect(steps(outcome)).toContain(`AUTHORIZE ${code === undefined ? "PASSED OK" : `FAILED ${code}`}`);
  });

  test("of a cluster without a controller to ask is one without topics", async () => {
    const server = await serve({ aclError: clusterAuthorizationFailed, controller: -1 });
    expect(await tryConnector("kafka", { bootstrapServers: server.endpoint })).toMatchObject({ error: false });
  });

  test("is the only reason to ask about the cluster", async () => {
    const asked: number[] = [];
    const onRequest = (apiKey: number) => void asked.push(apiKey);
    const server = await serve({ topics: { a: 0 }, aclError: clusterAuthorizationFailed, onRequest });
    expect(await tryConnector("kafka", { bootstrapServers: server.endpoint })).toMatchObject({ error: false });
    expect(asked).not.toContain(describeAcls);
  });
});

test("a broker that says which topics are forbidden is a missing permission, of whoever logs in", async () => {
  const server = await serve({ topicError: topicAuthorizationFailed, complaint: "" }, "server");
  const reach = { bootstrapServers: `localhost:${server.port}`, tls: { ca: pem("authority") } };
  const sasl = { protocol: "SASL_SSL", mechanism: "OAUTHBEARER", username: "u", password: canary("forbidden") };
  const awsMskIam = { region: "eu-central-1", accessKeyId: "AKIA", secretAccessKey: canary("forbidden-key") };
  for (const [login, field] of [
    [{}, "sasl"],
    [{ sasl }, "sasl.username"],
    [{ awsMskIam }, "aws_msk_iam.access_key_id"],
  ] as const) {
    const outcome = await tryConnector("kafka", { ...reach, ...login });
    expect(failure(outcome)).toMatchObject({ code: "PERMISSION_DENIED", field });
    expect(steps(outcome).at(-2)).toBe("AUTHORIZE FAILED PERMISSION_DENIED");
  }
});

test("a partition without a leader is a warning, and its topic is found", async () => {
  const server = await serve({ topics: { good: 0, bad: leaderNotAvailable } });
  const outcome = await tryConnector("kafka", { bootstrapServers: server.endpoint });
  expect(outcome.error).toBe(false);
  expect(steps(outcome)).toContain("CAPABILITY WARNING PARTITIONS_WITHOUT_LEADER");
  const { page } = await discoverWith("kafka", { bootstrapServers: server.endpoint });
  expect(page.resources.map(({ name }) => name)).toEqual(["bad", "good"]);
});

test("topics with names that no topic can have, or that are internal, are not listed", async () => {
  const names = ["b", "__consumer_offsets", "_schemas", "a\u001b[2J", "x".repeat(250), "", "a/b", "a"];
  const server = await serve({ topics: Object.fromEntries(names.map((name) => [name, 0])) });
  const { page } = await discoverWith("kafka", { bootstrapServers: server.endpoint });
  expect(page).toMatchObject({ resources: [{ name: "a" }, { name: "b" }], nextCursor: "" });
  const inside = await discoverWith("kafka", { bootstrapServers: server.endpoint }, { parent: "a" });
  expect(inside.page).toEqual({ resources: [], nextCursor: "" });
});

describe("OAUTHBEARER", () => {
  const login = { protocol: "SASL_PLAINTEXT", mechanism: "OAUTHBEARER", username: "u", password: canary("a.b-c") };

  test("sends the token as RFC 7628 has it", async () => {
    const sent: string[] = [];
    const onRequest = (apiKey: number, request: Buffer) => {
      if (apiKey === saslAuthenticate) sent.push(request.toString("latin1"));
    };
    const server = await serve({ complaint: "", topics: { a: 0 }, onRequest });
    const outcome = await tryConnector("kafka", { bootstrapServers: server.endpoint, sasl: login });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("AUTHENTICATE WARNING PASSWORD_IN_CLEAR");
    expect(sent[0]?.endsWith(`n,,\u0001auth=Bearer ${login.password}\u0001\u0001`)).toBe(true);
  });

  test("is refused by a complaint instead of an error", async () => {
    const server = await serve({ complaint: `{"status":"invalid_token"}` });
    const outcome = await tryConnector("kafka", { bootstrapServers: server.endpoint, sasl: login });
    expect(failure(outcome)).toMatchObject({ code: "PASSWORD_WRONG", field: "sasl.password" });
    expect(steps(outcome)).toContain("AUTHENTICATE FAILED PASSWORD_WRONG");
  });

  test("with aws_msk_iam goes in TLS without further settings, and never shows the secret", async () => {
    const sent: string[] = [];
    const onRequest = (apiKey: number, request: Buffer) => {
      if (apiKey === saslAuthenticate) sent.push(request.toString("latin1"));
    };
    const server = await serve({ complaint: "", topics: { a: 0 }, onRequest }, "server");
    const secretAccessKey = canary("msk-secret");
    const awsMskIam = { region: "eu-central-1", accessKeyId: "AKIATEST", secretAccessKey };
    const reach = { bootstrapServers: `localhost:${server.port}`, awsMskIam };
    expect(failure(await tryConnector("kafka", reach))?.code).toBe("TLS_UNTRUSTED");
    expect(sent).toEqual([]);
    const outcome = await tryConnector("kafka", { ...reach, tls: { ca: pem("authority") } });
    expect(failure(outcome)).toBeUndefined();
    const token = /auth=Bearer ([\w-]+)/.exec(sent[0] ?? "")?.[1] ?? "";
    const url = new URL(Buffer.from(token, "base64url").toString());
    expect(url.host).toBe("kafka.eu-central-1.amazonaws.com");
    expect(url.href).not.toContain(secretAccessKey);
  });
});
