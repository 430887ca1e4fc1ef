import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from "kafkajs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startKafka } from "../../support/servers/start-kafka.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { openResources } from "../open-resources.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";

const kafka = await serverForTests(startKafka);
const hole = await startBlackHole();
const closedPort = await freePort();
const before = openResources();
afterEach(() => expect.poll(openResources).toBeLessThanOrEqual(before));
afterAll(async () => {
  await kafka.stop();
  await hole.stop();
});

describe("a real Kafka", () => {
  const { port, tls: secured, mutual, sasl, saslTls, astray, users } = kafka;
  const { tester, outsider } = users;
  const at = (other: number) => `127.0.0.1:${other}`;
  const tls = { ca: authority };
  const inClear = (mechanism: string, login = tester) => ({ protocol: "SASL_PLAINTEXT", mechanism, ...login });
  const inTls = (mechanism: string, login = tester) => ({ protocol: "SASL_SSL", mechanism, ...login });
  const wrong = { ...tester, password: wrongPassword };

  /** What somebody may do who logs in without a password: everything. */
  const asMaster = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    const admin = new Kafka({ brokers: [at(port)], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  };
  beforeAll(() => asMaster(prepare));

  describe("fault matrix", () => {
    const right = { bootstrapServers: at(saslTls.good), sasl: inTls("SCRAM-SHA-512"), tls };
    faultMatrix("kafka", {
      right: [
        right,
        { bootstrapServers: at(port) },
        { bootstrapServers: at(secured.good), tls },
        { bootstrapServers: at(mutual), tls: { ...tls, ...client } },
        { bootstrapServers: at(saslTls.good), sasl: inTls("PLAIN"), tls },
        { bootstrapServers: at(sasl), sasl: inClear("SCRAM-SHA-256") },
        { bootstrapServers: `${at(closedPort)}, ${at(port)}` },
      ],
      "wrong host": {
        config: { ...right, bootstrapServers: "nowhere.invalid:9092" },
        fails: ["RESOLVE", "NAME_NOT_FOUND", "bootstrap_servers"],
      },
      "closed port": {
        config: { ...right, bootstrapServers: at(closedPort) },
        fails: ["CONNECT", "CONNECTION_REFUSED", "bootstrap_servers"],
      },
      "black hole": {
        config: { ...right, bootstrapServers: at(hole.full) },
        fails: ["CONNECT", "TIMED_OUT", "bootstrap_servers"],
      },
      "wrong CA": { config: { ...right, tls: { ca: otherAuthority } }, fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"] },
      "expired certificate": {
        config: { ...right, bootstrapServers: at(saslTls.expired) },
        fails: ["TLS", "TLS_EXPIRED", "tls"],
      },
      "wrong name": {
        config: { ...right, bootstrapServers: at(saslTls["other-name"]) },
        fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"],
      },
      "wrong password": {
        config: { ...right, sasl: inTls("SCRAM-SHA-512", wrong) },
        fails: ["AUTHENTICATE", "PASSWORD_WRONG", "sasl.password"],
      },
      "no permission": {
        config: { ...right, sasl: inTls("SCRAM-SHA-512", outsider) },
        fails: ["AUTHORIZE", "PERMISSION_DENIED", "sasl.username"],
      },
    });
  });

  test("is asked what it is, at its bootstrap server and where it sends its clients", async () => {
    const outcome = await tryConnector("kafka", { bootstrapServers: at(port) });
    expect(outcome).toMatchObject({ error: false, message: `Kafka answered at ${at(port)}` });
    const reached = ["RESOLVE PASSED OK", "EGRESS PASSED OK", "CONNECT PASSED OK", "TLS SKIPPED NOT_CONFIGURED"];
    const granted = ["AUTHORIZE PASSED OK", "CAPABILITY PASSED OK"];
    expect(steps(outcome)).toEqual([...reached, "AUTHENTICATE PASSED OK", ...reached, ...granted]);
    const facts = Object.fromEntries(outcome.report.facts.map(({ name, value }) => [name, value]));
    expect(facts).toEqual({ brokers: "1", controller: "1", cluster_id: expect.stringMatching(/^.{22}$/), topics: "4" });
  });

  test("in TLS on a port in clear, and in clear on a TLS port", async () => {
    const clear = await tryConnector("kafka", { bootstrapServers: at(secured.good) });
    expect(failure(clear)?.code).toMatch(/^(NOT_A_KAFKA_BROKER|CONNECTION_CLOSED)$/);
    const encrypted = await tryConnector("kafka", { bootstrapServers: at(port), tls });
    expect(failure(encrypted)?.code).toMatch(/^TLS_(CLOSED|NOT_SPOKEN)$/);
  });

  test("without the client certificate that it wants", async () => {
    const outcome = await tryConnector("kafka", { bootstrapServers: at(mutual), tls });
    expect(failure(outcome)?.code).toMatch(/^(TLS_REFUSED|CONNECTION_CLOSED)$/);
  });

  test.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])("logs in and refuses with %s", async (mechanism) => {
    const outcome = await tryConnector("kafka", { bootstrapServers: at(sasl), sasl: inClear(mechanism) });
    expect(outcome.error).toBe(false);
    const login = mechanism === "PLAIN" ? "WARNING PASSWORD_IN_CLEAR" : "PASSED OK";
    expect(steps(outcome)).toContain(`AUTHENTICATE ${login}`);
    const refused = await tryConnector("kafka", { bootstrapServers: at(sasl), sasl: inClear(mechanism, wrong) });
    expect(failure(refused)).toMatchObject({ code: "PASSWORD_WRONG", field: "sasl.password" });
  });

  test("takes a token, and refuses one that has expired, is none, or is of somebody without rights", async () => {
    const withToken = (token: string) =>
      tryConnector("kafka", {
        bootstrapServers: at(sasl),
        sasl: inClear("OAUTHBEARER", { ...tester, password: token }),
      });
    expect(failure(await withToken(tokenFor(tester.username)))).toBeUndefined();
    for (const token of [tokenFor(tester.username, -30), wrongPassword])
      expect(failure(await withToken(token))).toMatchObject({ code: "PASSWORD_WRONG", field: "sasl.password" });
    expect(failure(await withToken(tokenFor(outsider.username)))?.code).toBe("PERMISSION_DENIED");
  });

  test("does not have every mechanism, and does not take every log-in", async () => {
    const unknown = { bootstrapServers: at(saslTls.good), sasl: inTls("OAUTHBEARER"), tls };
    expect(failure(await tryConnector("kafka", unknown))).toMatchObject({
      code: "MECHANISM_UNKNOWN",
      field: "sasl.mechanism",
    });
    const needless = await tryConnector("kafka", { bootstrapServers: at(port), sasl: inClear("PLAIN") });
    expect(failure(needless)).toMatchObject({ code: "LOGIN_NOT_EXPECTED", field: "sasl" });
    const missing = await tryConnector("kafka", { bootstrapServers: at(sasl) });
    expect(failure(missing)).toMatchObject({ code: "CONNECTION_CLOSED", hint: expect.stringContaining("log-in") });
  });

  test("that sends its clients astray fails there, not at the log-in", async () => {
    const outcome = await tryConnector("kafka", { bootstrapServers: at(astray.port) });
    expect(failure(outcome)).toMatchObject({ endpoint: astray.to, code: "CONNECTION_REFUSED" });
    expect(failure(outcome)?.hint).toContain("advertised.listeners");
    expect(steps(outcome).slice(-2)).toEqual(["AUTHORIZE PASSED OK", "CAPABILITY FAILED CONNECTION_REFUSED"]);
  });

  test("with one of two bootstrap servers down works and warns", async () => {
    const outcome = await tryConnector("kafka", { bootstrapServers: `${at(closedPort)},${at(port)}` });
    expect(outcome.error).toBe(false);
    expect(steps(outcome)).toContain("CONNECT WARNING CONNECTION_REFUSED");
  });

  test("lists its topics in pages, each once, and to each user what they may describe", async () => {
    const found: unknown[] = [];
    let cursor = "";
    do {
      const { page } = await discoverWith("kafka", { bootstrapServers: at(port) }, { pageSize: 1, cursor });
      expect(page.resources).toHaveLength(1);
      found.push(...page.resources);
      cursor = page.nextCursor;
    } while (cursor !== "");
    const topic = (name: string, partitions: string) => ({ kind: "topic", name, facts: { partitions, replicas: "1" } });
    const orders = [topic("orders", "2"), topic("orders.late", "3")];
    expect(found).toEqual([topic("customers", "1"), ...orders, topic("payments", "1")]);

    const sees = {
      bootstrapServers: at(sasl),
      sasl: inClear("OAUTHBEARER", { ...tester, password: tokenFor("reader") }),
    };
    expect(failure(await tryConnector("kafka", sees))).toBeUndefined();
    expect((await discoverWith("kafka", sees)).page).toEqual({ resources: orders, nextCursor: "" });
    const blind = await discoverWith("kafka", { bootstrapServers: at(sasl), sasl: inClear("PLAIN", outsider) });
    expect(failure(blind)?.code).toBe("PERMISSION_DENIED");
  });

  test("is as it was after tests and discoveries", async () => {
    const state = await asMaster(readState);
    for (const login of [tester, outsider]) {
      const config = { bootstrapServers: at(saslTls.good), sasl: inTls("SCRAM-SHA-512", login), tls };
      await tryConnector("kafka", config);
      await discoverWith("kafka", config);
    }
    expect(await asMaster(readState)).toEqual(state);
  });

  test("leaves nothing open when the caller goes in the middle", async () => {
    const config = { bootstrapServers: at(saslTls.good), sasl: inTls("SCRAM-SHA-512"), tls };
    for (const last of [1, 4, 8, 12, 14]) {
      const caller = new AbortController();
      let steps = 0;
      const onStep = () => {
        steps += 1;
        if (steps === last) caller.abort();
      };
      const running = tryConnector("kafka", config, { signal: caller.signal, onStep });
      await running.catch((error: unknown) => expect(error).toMatchObject({ name: "AbortError" }));
      await expect.poll(openResources).toBeLessThanOrEqual(before);
    }
  });
});

/** As the broker takes it: OAUTHBEARER in its form without signatures, which is made for tests. */
function tokenFor(user: string, lifeSeconds = 3600): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub: user, iat: now - 60, exp: now + lifeSeconds })}.`;
}

/** More topics, and a user who may describe those that begin with `orders` and nothing else. */
async function prepare(admin: Admin): Promise<void> {
  const late = { topic: "orders.late", numPartitions: 3 };
  await admin.createTopics({ topics: [late, { topic: "payments" }, { topic: "_schemas" }] });
  const describeOrders = {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: "orders",
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: "User:reader",
    host: "*",
    operation: AclOperationTypes.DESCRIBE,
    permissionType: AclPermissionTypes.ALLOW,
  };
  await admin.createAcls({ acl: [describeOrders] });
}

async function readState(admin: Admin): Promise<unknown> {
  const names = (await admin.listTopics()).sort();
  const offsets = await Promise.all(names.map((name) => admin.fetchTopicOffsets(name)));
  return { names, offsets, groups: (await admin.listGroups()).groups };
}
