import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromJsonString, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CreateConnectionProfileRequestSchema } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { compileSchema } from "./compile-schema.ts";
import { connectMcp } from "./connect-mcp.ts";
import { postRpc, rpc, toolCall } from "./post-rpc.ts";

/** Bytes that an administrator's list of all tools may have: a model reads it before anything else. */
const mostBytes = 40_000;

const examples = (await readFile(join(import.meta.dirname, "../../../docs/connectors.md"), "utf8"))
  .match(/(?<=^```json\n)\{ "name"[^`]*(?=^```)/gm)
  ?.map((text) => fromJsonString(CreateConnectionProfileRequestSchema, text));

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
});
afterAll(() => app.stop());

const listed = async (query = "", of = token) => {
  const { status, messages, text } = await postRpc(app.httpUrl, rpc("tools/list"), { token: of, query });
  const tools = messages[0].result?.tools as { name: string; inputSchema: Schema }[] | undefined;
  return { status, text, tools, names: tools?.map(({ name }) => name) ?? [] };
};
interface Schema {
  readonly description?: string;
  readonly properties: Record<string, Schema>;
}

const connectionTools = ["createConnection", "batchCreateConnections", "getConnection", "listConnections"].concat([
  "countConnections",
  "batchCheckConnections",
  "listMutualConnections",
  "deleteConnection",
]);

test("the list of all tools is short enough for a model to read", async () => {
  const { text, names } = await listed();
  expect(names).toHaveLength(22);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(mostBytes);
});

describe("a URL with ?toolsets=", () => {
  test("has the tools of those toolsets only, and of them those that the caller may call", async () => {
    const all = await listed();
    expect((await listed("?toolsets=connections")).names).toEqual(connectionTools);
    const profiles = all.names.filter((name) => !connectionTools.includes(name));
    for (const query of [
      "?toolsets=profiles",
      "?toolsets=profiles,%20profiles",
      "?toolsets=profiles&toolsets=profiles",
    ])
      expect((await listed(query)).names).toEqual(profiles);
    expect((await listed("?toolsets=profiles,connections")).names).toEqual(all.names);
    const viewer = await app.token({ roles: ["viewer"] });
    expect((await listed("?toolsets=profiles", viewer)).names).toEqual(
      (await listed("", viewer)).names.filter((name) => !connectionTools.includes(name)),
    );
  });

  test("does not call the others, and says why", async () => {
    const call = toolCall("createConnection", { userId1: "alice", userId2: "bob" });
    const { messages } = await postRpc(app.httpUrl, call, { token, query: "?toolsets=profiles" });
    expect(messages[0].error).toMatchObject({ code: -32_602, message: expect.stringContaining("toolset connections") });
    const count = await postRpc(app.httpUrl, toolCall("countConnections", { userId: "alice" }), { token });
    expect(count.messages[0].result.structuredContent).toEqual({ count: 0 });
  });

  test("describes the services of those toolsets only", async () => {
    const clientInfo = { name: "test", version: "1" };
    const hello = rpc("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
    const instructionsOf = async (query: string) =>
      (await postRpc(app.httpUrl, hello, { token, query })).messages[0].result.instructions as string;
    expect(await instructionsOf("")).toMatch(/Who is connected with whom.*Reusable configurations/s);
    expect(await instructionsOf("?toolsets=profiles")).not.toContain("Who is connected with whom");
    expect(await instructionsOf("?toolsets=connections")).not.toContain("Reusable configurations");
  });

  test.each(["?toolsets=", "?toolsets=tables", "?toolsets=profiles,", "?toolsets=Profiles", "?toolsets=profiles;x"])(
    "that names no toolset is refused with their names: %s",
    async (query) => {
      const { status, messages } = await postRpc(app.httpUrl, rpc("tools/list"), { token, query });
      expect([status, messages[0].error]).toEqual([400, { code: -32_602, message: expect.any(String) }]);
      expect(messages[0].error.message).toMatch(/^toolsets: .*connections, profiles/);
    },
  );
});

describe("an agent that knows the list alone", () => {
  test("is led to the schema of a configuration, which every connector has", async () => {
    const { tools = [] } = await listed();
    const takers = tools.filter(({ inputSchema }) => "config" in inputSchema.properties);
    expect(takers.map(({ name }) => name)).toEqual([
      "createConnectionProfile",
      "updateConnectionProfile",
      "testConnectionProfile",
      "streamConnectionProfileTest",
      "discoverConnectionProfile",
    ]);
    const members = ConnectorConfigSchema.fields.map(({ jsonName }) => jsonName);
    for (const { inputSchema } of takers) {
      expect(inputSchema.properties.config?.description).toMatch(/Call getConnector .*first.*`configSchema`/);
      expect(Object.keys(inputSchema.properties.config?.properties ?? {})).toEqual(members);
    }
  });

  test("creates a profile of every connector by its schema; what is wrong is an error that names the field", async () => {
    expect(examples).toHaveLength(ConnectorConfigSchema.fields.length);
    const client = await connectMcp(app.httpUrl, token);
    for (const example of examples ?? []) {
      const id = example.config?.connector.case ?? "";
      const { structuredContent } = await client.callTool({ name: "getConnector", arguments: { id } });
      const check = compileSchema((structuredContent as { configSchema: object }).configSchema);
      const request = toJson(CreateConnectionProfileRequestSchema, example) as { config: Record<string, object> };
      check(request.config[id]);
      expect(() => check({ ...request.config[id], nothingLikeThis: 1 })).toThrow("additional properties");
      const created = await client.callTool({
        name: "createConnectionProfile",
        arguments: { ...request, validateOnly: true },
      });
      expect([id, created.isError, created.content]).toEqual([id, undefined, expect.any(Array)]);
      const config = { [id]: { ...request.config[id], nothingLikeThis: 1 } };
      const refused = await client.callTool({ name: "createConnectionProfile", arguments: { ...request, config } });
      expect([id, JSON.stringify(refused._meta)]).toEqual([
        id,
        expect.stringContaining(`"field":"config.${id}.nothingLikeThis"`),
      ]);
    }
    const none = await client.callTool({ name: "getConnector", arguments: { id: "webhook" } });
    expect(none.structuredContent).not.toHaveProperty("configSchema");
    await client.close();
  });
});
