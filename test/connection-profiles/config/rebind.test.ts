import { clone, create, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { destinationDigestOf } from "../../../src/connection-profiles/config/resolve-config.ts";
import { splitSecrets } from "../../../src/connection-profiles/config/secret-fields.ts";
import { selectConnector, toConnectorConfig } from "../../../src/connection-profiles/config/select-connector.ts";
import { connectors } from "../../../src/connectors/registry.ts";
import { type Endpoint, type Probe, ProbeError } from "../../../src/connectors/sdk/connector.ts";
import { isDestination, isSecret, nestedMessage } from "../../../src/proto-schema/field-options.ts";
import { failureOf } from "../expect-error.ts";
import { fullConfigs } from "../full-configs.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
let dialled = 0;
beforeAll(async () => {
  service = await startProfileService({
    runTest: async () => {
      dialled += 1;
      throw new Error("a socket would have been opened");
    },
  });
});
afterAll(() => service.drop());

/** A field that is set in a message, with the message that it is in, and its path in the whole configuration. */
interface Place {
  readonly path: readonly string[];
  readonly field: DescField;
}

function places(message: ReflectMessage, path: readonly string[] = []): readonly Place[] {
  return message.fields
    .filter((field) => message.isSet(field))
    .flatMap((field) => {
      const own = { path: [...path, field.name], field };
      return field.fieldKind === "message" && nestedMessage(field) !== undefined
        ? [own, ...places(message.get(field), own.path)]
        : [own];
    });
}

/** The names of all fields of a message and of those in it. */
function names(schema: DescMessage, path: readonly string[] = []): readonly string[] {
  return schema.fields.flatMap((field) => {
    const own = [...path, field.name];
    const nested = field.fieldKind === "message" ? nestedMessage(field) : undefined;
    return [own.join("."), ...(nested === undefined ? [] : names(nested, own))];
  });
}

const saved = fullConfigs.map((member) => create(ConnectorConfigSchema, { connector: member }));

test("the configurations of these tests have every field of every connector", () => {
  const all = names(ConnectorConfigSchema);
  expect(all.length).toBeGreaterThan(100);
  const set = new Set(
    saved.flatMap((config) => places(reflect(ConnectorConfigSchema, config)).map(({ path }) => path.join("."))),
  );
  expect(all.filter((path) => !set.has(path))).toEqual([]);
});

/** The same configuration with another value in one place. */
function changed(config: ConnectorConfig, { path, field }: Place): ConnectorConfig {
  const copy = clone(ConnectorConfigSchema, config);
  let message = reflect(ConnectorConfigSchema, copy);
  for (const name of path.slice(0, -1)) {
    const step = message.fields.find((one) => one.name === name);
    if (step?.fieldKind !== "message") throw new Error(`${path}: ${name} is no message`);
    message = message.get(step);
  }
  if (field.fieldKind === "message") message.clear(field);
  else if (field.fieldKind === "list" && field.listKind === "scalar") message.get(field).add("redis://c.example:7000");
  else if (field.fieldKind === "map" && field.mapKind === "scalar") message.get(field).set("client.rack", "b");
  else if (field.fieldKind === "scalar") message.set(field, other(message.get(field)));
  else throw new Error(`${path}: teach this test its kind`);
  return copy;
}

function other(value: unknown): string | number | boolean {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  return String(value).includes("a.example") ? String(value).replace("a.example", "c.example") : `${value}x`;
}

/** Where a test of a configuration goes first, and whom it accepts there: what it asks of `open`. */
async function firstDial(config: ConnectorConfig): Promise<unknown> {
  const { connector, config: own } = selectConnector(connectors, [], config);
  const asked: unknown[] = [];
  const open = (endpoint: Endpoint) => {
    const { host, port, tls } = endpoint;
    const { cert: _cert, key: _key, $typeName, ...trust } = tls ?? { $typeName: "none" };
    asked.push({ host, port, trust: { ...trust, on: $typeName } });
    return Promise.reject(new ProbeError("STOPPED", "by the test"));
  };
  const probe: Probe = {
    signal: new AbortController().signal,
    deadlineMs: 1000,
    step: async (_step, run) => run(),
    skip: () => {},
    open,
    downgradeToWarning: () => {},
    fact: () => {},
    addSecret: () => {},
  };
  await connector.test?.(own, probe).catch(() => undefined);
  return asked;
}

const cases = saved.map((config, index) => [`${config.connector.case} ${index}`, index, config] as const);

describe.each(cases)("%s", (_, index, config) => {
  const { connector, config: own } = selectConnector(connectors, [], config);
  const id = `cp_${String(index).padStart(12, "0")}`;
  const everything = places(reflect(ConnectorConfigSchema, config)).filter(({ path }) => path.length > 1);
  const bare = splitSecrets(connector.config, own);

  beforeAll(async () => {
    const profile = {
      id,
      name: id,
      labels: {},
      connector: connector.id,
      config: toConnectorConfig({ connector, config: bare.config }),
      description: "",
      secrets: bare.secrets,
      destination: destinationDigestOf({ connector, config: bare.config }),
    };
    const caller = { organizationId: "rebind", userId: "ann", requestId: "call" };
    await service.profiles.insert(caller, profile, { requestId: "", body: "", formerBody: "" });
  });

  test.each(
    everything.filter(({ field }) => isDestination(field)).map((place) => [place.path.join("."), place] as const),
  )("%s sends secrets elsewhere: they are needed again, and no socket is opened", async (path, place) => {
    const client = service.clientOf("rebind");
    const edit = { id, config: changed(toConnectorConfig({ connector, config: bare.config }), place) };
    const calls = [
      client.updateConnectionProfile({ ...edit, updateMask: { paths: [`config.${path}`] } }),
      client.updateConnectionProfile({ ...edit, updateMask: { paths: ["config"] } }),
      client.testConnectionProfile({ ...edit, updateMask: { paths: [`config.${path}`] } }),
      client.testConnectionProfile({ ...edit, updateMask: { paths: ["config"] } }),
    ];
    if (connector.discover !== undefined)
      calls.push(client.discoverConnectionProfile({ ...edit, updateMask: { paths: ["config"] } }) as never);
    for (const refused of await Promise.all(calls.map((call) => failureOf(call))))
      expect(refused).toMatchObject({ code: "FailedPrecondition", reason: "SECRET_REBIND_REQUIRED" });
    expect(dialled).toBe(0);
  });

  const harmless = everything.filter(
    ({ field }) => !isDestination(field) && !isSecret(field) && field.fieldKind !== "message",
  );
  test.each(harmless.map((place) => [place.path.join("."), place] as const))(
    "%s does not: a test dials the same place, and trusts the same peer",
    async (_path, place) => {
      const before = await firstDial(config);
      expect(before).not.toEqual([]);
      expect(await firstDial(changed(config, place))).toEqual(before);
    },
  );
});
