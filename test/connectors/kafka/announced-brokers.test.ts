import { afterEach, describe, expect, test } from "vitest";
import { createDialer, type Dialer } from "../../../src/egress/dialer.ts";
import { createEgressPolicy } from "../../../src/egress/egress-policy.ts";
import { parseEgressRules } from "../../../src/egress/parse-egress-rules.ts";
import { canary } from "../../support/canary.ts";
import { type LocalServer, startLocalServer } from "../local-server.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";
import { type FakeBroker, fakeBroker } from "./fake-broker.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(how: FakeBroker | ((port: number) => FakeBroker)): Promise<LocalServer> {
  const server: LocalServer = await startLocalServer((socket) =>
    fakeBroker(socket, typeof how === "function" ? how(server.port) : how),
  );
  servers.push(server);
  return server;
}

/** A dialer that may dial 127.0.0.1 and nothing else of this machine, and what it has dialled. */
function spyingDialer(find?: (host: string) => Promise<readonly string[]>) {
  const { rules } = parseEgressRules("127.0.0.1");
  const real = createDialer({ policy: createEgressPolicy({ allow: rules, deny: [], allowLoopback: false }) });
  const dialled: string[] = [];
  const dialer: Dialer = {
    ...real,
    ...(find === undefined ? {} : { resolve: async (host) => ({ addresses: await find(host), names: [host] }) }),
    open: (target, signal) => {
      dialled.push(...target.addresses.map((address) => `${address}:${target.port}`));
      return real.open(target, signal);
    },
  };
  return { dialer, dialled };
}

const login = { protocol: "SASL_PLAINTEXT", mechanism: "OAUTHBEARER", username: "u", password: canary("announced") };

describe("an address that a cluster announces", () => {
  test.each([
    ["169.254.169.254", 80],
    ["127.0.0.2", 5432],
    ["::ffff:169.254.169.254", 80],
    ["::ffff:7f00:2", 80],
    ["0.0.0.0", 9092],
    ["fd00:ec2::254", 80],
  ])("%s is denied and not dialled", async (host, port) => {
    const server = await serve({ advertise: [{ host, port }], complaint: "" });
    for (const sasl of [undefined, login]) {
      const { dialer, dialled } = spyingDialer();
      const outcome = await tryConnector("kafka", { bootstrapServers: server.endpoint, sasl }, { dialer });
      expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", field: "bootstrap_servers" });
      expect(failure(outcome)?.hint).toContain("advertised.listeners");
      expect(steps(outcome).slice(-2)).toEqual(["AUTHORIZE PASSED OK", "CAPABILITY FAILED EGRESS_DENIED"]);
      expect(new Set(dialled)).toEqual(new Set([server.endpoint]));
    }
    await expect.poll(() => server.open()).toBe(0);
  });

  test.each(["2852039166", "0xa9fea9fe", "169.16689662", "db.example..", "a..b"])(
    "%s is none, and not dialled",
    async (host) => {
      const server = await serve({ advertise: [{ host, port: 80 }], complaint: "" });
      const { dialer, dialled } = spyingDialer();
      const outcome = await tryConnector("kafka", { bootstrapServers: server.endpoint }, { dialer });
      expect(failure(outcome)?.code).toBe("ADDRESS_INVALID");
      expect(new Set(dialled)).toEqual(new Set([server.endpoint]));
    },
  );

  test("is denied for discovery too", async () => {
    const server = await serve({ advertise: [{ host: "169.254.169.254", port: 80 }], topics: { a: 0 } });
    const { dialer, dialled } = spyingDialer();
    const outcome = await discoverWith("kafka", { bootstrapServers: server.endpoint }, {}, { dialer });
    expect(failure(outcome)?.code).toBe("EGRESS_DENIED");
    expect(outcome.page.resources).toEqual([]);
    expect(dialled).toEqual([server.endpoint]);
  });

  test("is denied when the bootstrap server's own name leads elsewhere the second time", async () => {
    const server = await serve((port) => ({ advertise: [{ host: "broker.example", port }] }));
    const asked: string[] = [];
    const { dialer, dialled } = spyingDialer(async (host) => {
      asked.push(host);
      return asked.length === 1 ? ["127.0.0.1"] : ["169.254.169.254"];
    });
    const outcome = await tryConnector("kafka", { bootstrapServers: `broker.example:${server.port}` }, { dialer });
    expect(failure(outcome)).toMatchObject({ code: "EGRESS_DENIED", endpoint: `broker.example:${server.port}` });
    expect(asked).toEqual(["broker.example", "broker.example"]);
    expect(dialled).toEqual([server.endpoint]);
    expect(server.total()).toBe(1);
  });

  test("is denied when one of its addresses is closed, whichever comes first", async () => {
    const server = await serve((port) => ({ advertise: [{ host: "broker.example", port }] }));
    const { dialer, dialled } = spyingDialer(async (host) =>
      host === "127.0.0.1" ? [host] : ["127.0.0.1", "169.254.169.254"],
    );
    const outcome = await tryConnector("kafka", { bootstrapServers: server.endpoint }, { dialer });
    expect(failure(outcome)?.code).toBe("EGRESS_DENIED");
    expect(dialled).toEqual([server.endpoint]);
  });

  test("is dialled with no more than 15 others, however many there are", async () => {
    const server = await serve((port) => ({
      advertise: Array.from({ length: 60 }, (_, index) => ({ host: `b${index}.example`, port })),
      topics: { a: 0 },
    }));
    const { dialer, dialled } = spyingDialer(async () => ["127.0.0.1"]);
    const outcome = await tryConnector("kafka", { bootstrapServers: `seed.example:${server.port}` }, { dialer });
    expect(outcome.error).toBe(false);
    expect(dialled).toHaveLength(17);
    expect(new Set(outcome.report.steps.map(({ endpoint }) => endpoint)).size).toBe(17);
  });
});
