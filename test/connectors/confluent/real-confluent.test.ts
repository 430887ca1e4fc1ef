import { afterAll, describe, expect, test } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startKafka } from "../../support/servers/start-kafka.ts";
import { wrongPassword } from "../../support/servers/users-for.ts";
import { faultMatrix } from "../fault-matrix.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";

const kafka = await serverForTests(startKafka);
const hole = await startBlackHole();
const closedPort = await freePort();
afterAll(async () => {
  await kafka.stop();
  await hole.stop();
});

/** Confluent Cloud is not to be had for tests; what differs from other clusters is how it is reached, and that is here. */
describe("a real Kafka that is reached as Confluent Cloud is", () => {
  const { port, saslTls, users } = kafka;
  const at = (other: number) => `127.0.0.1:${other}`;
  const { username: key, password: secret } = users.tester;
  const right = { bootstrapServers: at(saslTls.good), key, secret, tls: { ca: authority } };

  faultMatrix("confluent", {
    right: [right],
    "wrong host": {
      config: { ...right, bootstrapServers: "nowhere.invalid:9092" },
      fails: ["RESOLVE", "NAME_NOT_FOUND", "bootstrap_servers"],
    },
    "closed port": {
      config: { ...right, bootstrapServers: at(closedPort) },
      fails: ["CONNECT", "CONNECTION_REFUSED", "bootstrap_servers"],
    },
    "black hole": {
      config: { ...right, bootstrapServers: at(hole.silent) },
      fails: ["TLS", "TIMED_OUT", "bootstrap_servers"],
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
      config: { ...right, secret: wrongPassword },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "secret"],
    },
    "no permission": {
      config: { ...right, key: users.outsider.username, secret: users.outsider.password },
      fails: ["AUTHORIZE", "PERMISSION_DENIED", "key"],
    },
  });

  test("is reached in TLS whether or not TLS is set, and never in clear", async () => {
    const { tls: _, ...plain } = right;
    expect(failure(await tryConnector("confluent", plain))).toMatchObject({ code: "TLS_UNTRUSTED", field: "tls.ca" });
    const clear = await tryConnector("confluent", { ...plain, bootstrapServers: at(port) });
    expect(failure(clear)?.code).toMatch(/^TLS_(CLOSED|NOT_SPOKEN)$/);
    expect(steps(clear)).toContain("AUTHENTICATE NOT_EXECUTED NOT_REACHED");
  });

  test("lists its topics", async () => {
    const { page } = await discoverWith("confluent", right, { pageSize: 1, cursor: "customers" });
    expect(page).toMatchObject({ resources: [{ kind: "topic", name: "orders" }], nextCursor: "" });
  });
});
