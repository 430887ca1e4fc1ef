import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type LocalServer, startLocalServer } from "../local-server.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";
import { type FakeBroker, fakeBroker, kafkaRequest } from "./fake-broker.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A broker that offers certain versions, and the keys of the requests that it got. */
async function broker(offers: FakeBroker["offers"], how: FakeBroker = {}) {
  const requests: number[] = [];
  const server: LocalServer = await startLocalServer((socket) =>
    fakeBroker(socket, {
      advertise: [{ host: "127.0.0.1", port: server.port }],
      topics: { a: 0 },
      complaint: "",
      ...how,
      ...(offers === undefined ? {} : { offers }),
      onRequest: (key) => requests.push(key),
    }),
  );
  servers.push(server);
  return { requests, config: { bootstrapServers: server.endpoint } };
}

const password = canary("kafka-versions");
const sasl = (mechanism: string) => ({ protocol: "SASL_PLAINTEXT", mechanism, username: "ann", password });

test.each(["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"])(
  "a broker that offers SaslAuthenticate 2 alone is sent no log-in: %s",
  async (mechanism) => {
    const { requests, config } = await broker({ [kafkaRequest.saslAuthenticate]: [2, 2] });
    const outcome = await tryConnector("kafka", { ...config, sasl: sasl(mechanism) });
    expect(failure(outcome)).toMatchObject({ code: "VERSION_UNSUPPORTED", field: "bootstrap_servers" });
    expect(steps(outcome)).toContain("AUTHENTICATE FAILED VERSION_UNSUPPORTED");
    expect(new Set(requests)).toEqual(new Set([kafkaRequest.apiVersions]));
  },
);

test.each([
  ["Metadata 9 to 13", kafkaRequest.metadata, [9, 13]],
  ["SaslHandshake 2", kafkaRequest.saslHandshake, [2, 3]],
] as const)("a broker that offers %s alone is sent nothing that it does not offer", async (_, key, range) => {
  const { requests, config } = await broker({ [key]: range });
  for (const run of [tryConnector, discoverWith]) {
    const outcome = await run("kafka", { ...config, sasl: sasl("PLAIN") });
    expect(failure(outcome)).toMatchObject({ code: "VERSION_UNSUPPORTED", field: "bootstrap_servers" });
  }
  expect(new Set(requests)).toEqual(new Set([kafkaRequest.apiVersions]));
});

test("a request of the log-in that is not offered is no fault without a log-in", async () => {
  const { config } = await broker({ [kafkaRequest.saslAuthenticate]: [2, 2] });
  expect(failure(await tryConnector("kafka", config))).toBeUndefined();
});

test("a request that a test can do without is left out", async () => {
  const { requests, config } = await broker({ [kafkaRequest.describeAcls]: [7, 9] }, { topics: {}, aclError: 0 });
  expect(failure(await tryConnector("kafka", config))).toBeUndefined();
  expect(requests).not.toContain(kafkaRequest.describeAcls);
});
