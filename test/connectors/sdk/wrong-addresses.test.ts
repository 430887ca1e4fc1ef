import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { connectors } from "../../../src/connectors/registry.ts";
import type { FieldViolation } from "../../../src/errors/api-error.ts";
import { createMessageCheck } from "../../../src/interceptors/validate.ts";
import { canary } from "../../support/canary.ts";

type Registry = typeof connectors;

const check = createMessageCheck();

/** What is wrong with a configuration, by the rules of its fields and of its connector, as `field description`. */
function violations<Id extends keyof Registry>(id: Id, value: MessageInitShape<Registry[Id]["config"]>): string[] {
  const whole = create(ConnectorConfigSchema, { connector: { case: id, value } as never });
  check(ConnectorConfigSchema, whole);
  const { validate } = connectors[id] as { validate?(config: unknown): readonly FieldViolation[] };
  return (validate?.(whole.connector.value) ?? []).map(({ field, description }) => `${field} ${description}`);
}

const user = { username: "ann" };
const hosts = {
  postgres: (host: string) => violations("postgres", { host, ...user }),
  mysql: (host: string) => violations("mysql", { host, ...user }),
  amqp: (host: string) => violations("amqp", { host, ...user }),
  rabbitmq: (host: string) => violations("rabbitmq", { host, ...user }),
};

describe.each(Object.entries(hosts))("a host of %s", (_, wrong) => {
  test.each([
    ["localhost:5432", "without its port: localhost, and 5432 as the port"],
    ["db.example:5432", "without its port: db.example, and 5432 as the port"],
    ["[::1]:5432", "without its port: ::1, and 5432 as the port"],
    ["[2001:db8::1]", "must be a host alone: 2001:db8::1"],
    ["tcp://db.example:5432/shop", "without its port: db.example, and 5432 as the port"],
    ["https://db.example/", "must be a host alone: db.example"],
    ["db.example/shop", "must be a host alone: db.example"],
    [" db.example", "must be a host alone: db.example"],
    ["db.example:", "must be a host alone: db.example"],
    ["a..b", "without empty parts"],
    ["a..b:1", "without empty parts"],
    [":::", "without empty parts"],
    ["127.1", "without empty parts"],
  ])("%j is refused, with what to write", (host, mend) => {
    const [violation, ...more] = wrong(host);
    expect(more).toEqual([]);
    expect(violation).toMatch(/^host must be /);
    expect(violation).toContain(mend);
  });

  test("that holds a password does not come back", () => {
    const [violation] = wrong(`tcp://ann:${canary("host")}@db.example:5432`);
    expect(violation).toMatch(/^host must be a host alone: the user and the password/);
    expect(violation).not.toContain(canary("host"));
  });

  test.each(["localhost", "db.example.", "::1", "10.0.0.1", `${"a.".repeat(126)}a`])("%j is taken", (host) =>
    expect(wrong(host)).toEqual([]),
  );
});

test("an expected name of a certificate is a host", () => {
  const tls = (serverName: string) => violations("postgres", { host: "a", ...user, tls: { serverName } });
  expect(tls("db.example")).toEqual([]);
  expect(tls("db.example:5432")).toEqual([
    "tls.server_name must be a host alone, without its port: db.example, and 5432 as the port",
  ]);
  expect(tls("*.example")[0]).toContain("tls.server_name must be a name without empty parts");
});

const lists = {
  kafka: (text: string) => violations("kafka", { bootstrapServers: text }),
  confluent: (text: string) => violations("confluent", { bootstrapServers: text, key: "k", secret: "s" }),
};

describe.each(Object.entries(lists))("bootstrap servers of %s", (_, wrong) => {
  test.each([
    ["a:0", "the entry (a:0) must have a port from 1 to 65535"],
    ["[:::]:1", "the entry ([:::]:1) must be host:port; the host must be a name"],
    ["a..b:1", "the entry (a..b:1) must be host:port; the host must be a name"],
    ["a:70000", "the entry (a:70000) must have a port from 1 to 65535"],
    ["a:1,b", "entry 2 of 2 (b) must have a port: b:9092"],
    ["a:1,::1", "entry 2 of 2 (::1) must have brackets and a port: [::1]:9092"],
    ["a:1,", "entry 2 of 2 is empty"],
    ["SASL_SSL://a:9093", "the entry must be host:port, without a scheme: a:9093"],
    ["a:1, b c:2", "entry 2 of 2 must be host:port"],
    ["a:1;b:2", "the entry must be host:port"],
    ["a:port", "the entry (a:port) must have a port from 1 to 65535"],
  ])("%j are refused, with the entry and what to write", (text, description) => {
    const [violation, ...more] = wrong(text);
    expect(more).toEqual([]);
    expect(violation).toContain(`bootstrap_servers ${description}`);
  });

  test("of which one of twenty is wrong name that one", () => {
    const entries = Array.from({ length: 20 }, (_, index) => `broker-${index + 1}:9092`).with(12, "broker-13:0");
    const found = wrong(entries.join(","));
    expect(found).toEqual([
      "bootstrap_servers entry 13 of 20 (broker-13:0) must have a port from 1 to 65535: brokers usually have 9092",
      "bootstrap_servers has 20 addresses: give 16 at most",
    ]);
  });

  test("of which many are wrong name the first ones", () => {
    expect(wrong(Array.from({ length: 1000 }, () => "a:0").join(",")).length).toBe(5);
  });

  test("with a password do not bring it back", () => {
    const [violation] = wrong(`ann:${canary("entry")}@a:1`);
    expect(violation).toBe(
      "bootstrap_servers the entry must not hold a user or a password: they have fields of their own",
    );
  });
});

describe("a server of nats", () => {
  const wrong = (servers: string) => violations("nats", { servers });
  test.each([
    ["a,b:0", "entry 2 of 2 (b:0) must have a port from 1 to 65535"],
    ["a,tls://[:::]:1", "entry 2 of 2 must be host:port; the host must be a name"],
    ["a..b:1", "the entry (a..b:1) must be host:port; the host must be a name"],
    ["a,2001:db8::1", "entry 2 of 2 (2001:db8::1) must have brackets: [2001:db8::1]:4222"],
    ["a,,b", "entry 2 of 3 is empty"],
  ])("%j is refused, with the entry and what to write", (text, description) => {
    expect(wrong(text)).toHaveLength(1);
    expect(wrong(text)[0]).toContain(`servers ${description}`);
  });
});

test("a URL with a port that is none says so, by the entry of its list", () => {
  expect(violations("redis", { addresses: ["redis://a:1", "redis://b:70000"] })).toEqual([
    "addresses[1] has the port 70000: ports are 1 to 65535",
  ]);
  expect(violations("http", { url: "https://a:0/x" })).toEqual(["url has the port 0: ports are 1 to 65535"]);
  expect(violations("mqtt", { url: "mqtt://a:99999" })).toEqual(["url has the port 99999: ports are 1 to 65535"]);
});
