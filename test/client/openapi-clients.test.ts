import { type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { validConfigs } from "../connection-profiles/valid-configs.ts";
import { callRest } from "../server/rest/call-rest.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { buildGeneratedClient, environmentOf } from "./openapi/build-generated-client.ts";
import { generatedClients } from "./openapi/generated-clients.ts";
import { runScript } from "./other-languages/run-script.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app?.stop());

/** For each configuration what a program creates and then updates: all of it, its secrets included. */
const calls = validConfigs.map((whole, index) => {
  const wrapped = toJson(ConnectorConfigSchema, whole, { useProtoFieldName: true }) as JsonObject;
  const [[connector, config] = ["", {}]] = Object.entries(wrapped);
  const labels = { index: `${index}` };
  return {
    create: { name: `${connector} ${index}`, connector, config, labels },
    update: { name: `${connector} ${index} again`, connector, config, labels: { ...labels, updated: "yes" } },
  };
});

interface Outcomes {
  readonly outcomes: readonly {
    readonly created: JsonObject;
    readonly read: JsonObject;
    readonly updated: JsonObject;
  }[];
  readonly listed: readonly JsonObject[];
}

/** Times as instants: languages print them differently. What is absent and what is null are the same. */
const normal = (value: JsonValue): unknown =>
  JSON.parse(JSON.stringify(value), (_key, part) => {
    if (part === null) return undefined;
    const isTime = typeof part === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(part);
    return isTime ? new Date(part).toISOString() : part;
  });
const byName = (profiles: readonly JsonObject[]) =>
  profiles.toSorted((a, b) => (String(a.name) < String(b.name) ? -1 : 1)).map(normal);

describe.each(generatedClients)("a client of $name", (client) => {
  test("creates, reads, updates and lists a profile of every connector without losing a field", async () => {
    const cwd = await buildGeneratedClient(client);
    const token = await app.token({ org: client.folder });
    const output = await runScript(client.run, {
      cwd,
      env: environmentOf(client),
      seconds: 120,
      input: JSON.stringify({ baseUrl: app.httpUrl, token, calls }),
    });
    const { outcomes, listed } = JSON.parse(output) as Outcomes;
    expect(new Set(calls.map(({ create }) => create.connector))).toEqual(
      new Set(ConnectorConfigSchema.fields.map(({ name }) => name)),
    );
    expect(outcomes).toHaveLength(calls.length);

    const call = callRest(app, token);
    const { data } = (await call("GET /v1/connection_profiles?page_size=100")).json as { data: JsonObject[] };
    expect(byName(listed)).toEqual(byName(data));
    for (const [index, { created, read, updated }] of outcomes.entries()) {
      const kept = data.find(({ id }) => id === created.id) as JsonObject;
      const { revisions } = {
        revisions: (await call(`GET /v1/connection_profiles/${created.id}/revisions`)).json.data,
      };
      const first = revisions.at(-1).connection_profile as JsonObject;
      expect([client.folder, normal(updated)]).toEqual([client.folder, normal(kept)]);
      expect(normal(read)).toEqual(normal(created));
      for (const name of ["name", "connector", "config", "labels", "etag", "revision", "created_at", "created_by"])
        expect([name, normal({ value: created[name] ?? null })]).toEqual([
          name,
          normal({ value: first[name] ?? null }),
        ]);
      expect(kept).toMatchObject({ name: calls[index]?.update.name, labels: { updated: "yes" } });
      // The secrets arrived: one that was left out would not be set.
      const secrets = (created.secrets as JsonObject[]).filter(({ set }) => set === true).map(({ path }) => path);
      expect(secrets.length).toBeGreaterThan(0);
    }
  }, 900_000);
});
