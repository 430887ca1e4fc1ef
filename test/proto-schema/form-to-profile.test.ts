import { create, type JsonObject, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { fullConfigs } from "../connection-profiles/full-configs.ts";
import { type CallRest, callRest } from "../server/rest/call-rest.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { fillForm } from "./fill-form.ts";

let app: TestApp;
let call: CallRest;
let schemas: Map<string, JsonObject>;

beforeAll(async () => {
  app = await startTestApp();
  call = callRest(app, await app.token());
  const { json } = await call("GET /api/v1/connectors");
  const connectors = json.data as { id: string; connection_config: string | null }[];
  schemas = new Map(connectors.map(({ id, connection_config }) => [id, JSON.parse(connection_config ?? "{}")]));
});
afterAll(() => app?.stop());

test("a profile from a web form is the profile that was meant, whatever the form adds", async () => {
  const statuses: number[] = [];
  for (const [index, connector] of fullConfigs.entries()) {
    const wrapped = toJson(ConnectorConfigSchema, create(ConnectorConfigSchema, { connector }), {
      useProtoFieldName: true,
    });
    const [whole] = Object.values(wrapped as Record<string, JsonObject>);
    // The certificates in these configurations are none, so those with TLS are refused; either way the same must come out.
    const { tls: _, schema_registry: __, ...inClear } = whole as JsonObject;
    for (const config of [whole as JsonObject, inClear]) {
      const form = fillForm(schemas.get(connector.case) as JsonObject, config);
      const post = (name: string, each: JsonObject) =>
        call("POST /api/v1/connection_profiles", { body: { name, connector: connector.case, config: each } });
      const plain = await post(`plain ${statuses.length}`, config);
      const filled = await post(`filled ${statuses.length}`, { name: "form", ...form });
      statuses.push(plain.status);
      const seen = ({ status, json }: typeof plain) => ({
        status,
        config: { ...json.config, name: "" },
        violations: json.violations,
      });
      expect([connector.case, index, seen(filled)]).toEqual([connector.case, index, seen(plain)]);
    }
  }
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(12);
});

test("TLS that nobody has asked for in a form stays off, and the form's empty object does not turn it on", async () => {
  const form = fillForm(schemas.get("postgres") as JsonObject, { host: "127.0.0.1", username: "ann" });
  expect(form.tls).toEqual({});
  const created = await call("POST /api/v1/connection_profiles", {
    body: { name: "clear", connector: "postgres", config: form },
  });
  const read = await call(`GET /v1/connection_profiles/${created.json.id}`);
  expect(read.json.config).toEqual({ host: "127.0.0.1", username: "ann" });
});
