import { clone, create } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { secretFields, splitSecrets } from "../../../src/connection-profiles/config/secret-fields.ts";
import { selectConnector } from "../../../src/connection-profiles/config/select-connector.ts";
import { validateConfig } from "../../../src/connection-profiles/config/validate-config.ts";
import { connectors } from "../../../src/connectors/registry.ts";
import { createEnvReferenceResolver } from "../../../src/secrets/references/env-references.ts";
import { fullConfigs } from "../full-configs.ts";

const rules = {
  // The samples do not pass every rule of their fields.
  checkMessage: () => {},
  substitution: createEnvReferenceResolver(new Map([["NAME", "value"]])),
};
const written = 'a{{ "{{" }} x }}b{{ NAME }}';
const meant = "a{{ x }}bvalue";

const cases = fullConfigs.map((member, index) => {
  const { connector, config } = selectConnector(
    connectors,
    [member.case],
    create(ConnectorConfigSchema, { connector: member }),
  );
  // What a connector demands of its values is tested with it.
  return [`${member.case} ${index}`, { ...connector, validate: () => [] }, config] as const;
});

test.each(cases)("each secret of %s can hold two braces", (_, connector, config) => {
  const copy = clone(connector.config, config);
  const slots = secretFields(reflect(connector.config, copy));
  for (const slot of slots) slot.set(Buffer.from(written));
  const given = splitSecrets(connector.config, copy).secrets;
  expect(given.size).toBe(slots.length);
  const ready = validateConfig(rules, "acme", { connector, config: copy }, { newSecrets: given, opened: new Map() });
  for (const { path, get } of secretFields(reflect(connector.config, ready.config)))
    expect([path, Buffer.from(get()).toString()]).toEqual([path, meant]);
});

test.each(cases)("a stored secret of %s keeps its two braces", (_, connector, config) => {
  const { config: bare, secrets } = splitSecrets(connector.config, config);
  // The elements of lists and maps are named by the configuration.
  const opened = new Map([...secrets.keys()].map((path) => [path, Buffer.from(written)]));
  const ready = validateConfig(rules, "acme", { connector, config: bare }, { newSecrets: new Map(), opened });
  for (const { path, get } of secretFields(reflect(connector.config, ready.config)))
    if (opened.has(path)) expect([path, Buffer.from(get()).toString()]).toEqual([path, meant]);
});

test.each(['{{ "{{" }}', "{{ NAME }}"])("a field that is shown holds no %s", (text) => {
  const [, connector, config] = cases.find(([name]) => name.startsWith("postgres")) ?? cases[0] ?? [];
  if (connector === undefined || config === undefined) throw new Error("there is no sample");
  const copy = clone(connector.config, config);
  Object.assign(copy, { username: text });
  const validate = () =>
    validateConfig(rules, "acme", { connector, config: copy }, { newSecrets: new Map(), opened: new Map() });
  expect(validate).toThrow(
    expect.objectContaining({
      detail: expect.objectContaining({
        fieldViolations: [expect.objectContaining({ field: "config.postgres.username" })],
      }),
    }),
  );
});
