import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCatalog } from "../../connectors/iceberg/start-catalog.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { canaryPrefix } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { compileSchema } from "./compile-schema.ts";
import { connectMcp, eras } from "./connect-mcp.ts";
import { type Known, toolCases } from "./tool-cases.ts";

let app: TestApp;
let catalog: Awaited<ReturnType<typeof startCatalog>>;
beforeAll(async () => {
  app = await startTestApp({ LOG_LEVEL: "debug" });
  catalog = await startCatalog();
});
afterAll(async () => {
  await catalog.close();
  await app.stop();
});

interface Text {
  readonly text: string;
}

describe.each(eras)("every tool, called by a client of %s", (era) => {
  test("answers what its output schema says, and errors say what is wrong and where", async () => {
    const token = await app.token({ org: `org-${era}` });
    const client = await connectMcp(app.httpUrl, token, era);
    const { tools } = await client.listTools();
    expect(toolCases.map(({ tool }) => tool).toSorted()).toEqual(tools.map(({ name }) => name).toSorted());

    const known: Known = {
      connection: "",
      profile: "",
      etag: "",
      revision: "",
      closed: await freePort(),
      catalog: catalog.url,
    };
    for (const { tool: name, good, keep, bad, code, reason, fields } of toolCases) {
      const tool = tools.find((one) => one.name === name);
      const args = good(known);
      compileSchema(tool?.inputSchema ?? {})(args);
      const answer = await client.callTool({ name, arguments: { ...args } });
      expect([name, answer.isError, answer.content]).toEqual([name, undefined, expect.any(Array)]);
      compileSchema(tool?.outputSchema ?? {})(answer.structuredContent);
      expect(JSON.parse((answer.content.at(-1) as Text).text)).toEqual(answer.structuredContent);
      expect(answer._meta?.["connectory/requestId"]).toMatch(/^[0-9a-f-]{36}$/);
      keep?.(answer.structuredContent, known);

      const refused = await client.callTool({ name, arguments: { ...bad(known) } });
      const detail = refused._meta?.["connectory/error"] as Record<string, unknown>;
      expect([name, refused.isError, refused.structuredContent]).toEqual([name, true, undefined]);
      expect([name, detail]).toEqual([
        name,
        expect.objectContaining({ code, reason, requestId: refused._meta?.["connectory/requestId"] }),
      ]);
      const [said, machine] = refused.content as Text[];
      expect(said?.text).toBe(`${code} (${reason}): ${detail.detail}`);
      expect(JSON.parse(machine?.text ?? "")).toEqual(detail);
      const violations = (detail.violations ?? []) as { field: string; description: string }[];
      if (fields !== undefined) expect([name, violations.map(({ field }) => field)]).toEqual([name, fields]);
      if (reason === "FIELD_INVALID" || reason === "MESSAGE_MALFORMED")
        for (const { field, description } of violations) expect(said?.text).toContain(`${field}: ${description}`);
    }
    await client.close();
  });
});

test("a test that finds a system unusable is a result, and its text says that the call succeeded", async () => {
  const client = await connectMcp(app.httpUrl, await app.token());
  const config = { postgres: { host: "127.0.0.1", port: await freePort(), username: "ann" } };
  const answer = await client.callTool({ name: "testConnectionProfile", arguments: { config } });
  expect(answer.isError).toBeUndefined();
  expect(answer.structuredContent).toMatchObject({ error: true, done: true });
  const [said] = answer.content as Text[];
  expect(said?.text).toMatch(/^PostgreSQL cannot be used .*CONNECTION_REFUSED.*The call itself succeeded/);
  await client.close();
});

test("what a discovery found out about an unusable system is among the details, with JSON names", async () => {
  const client = await connectMcp(app.httpUrl, await app.token());
  const config = { postgres: { host: "127.0.0.1", port: await freePort(), username: "ann" } };
  const { _meta } = await client.callTool({ name: "discoverConnectionProfile", arguments: { config } });
  expect(_meta?.["connectory/error"]).toMatchObject({
    reason: "TARGET_UNUSABLE",
    report: { steps: expect.arrayContaining([expect.objectContaining({ code: "CONNECTION_REFUSED" })]) },
  });
  await client.close();
});

test("a tool that the caller's roles do not grant is a tool error, a tool that there is not one of the protocol", async () => {
  const viewer = await connectMcp(app.httpUrl, await app.token({ roles: ["viewer"] }));
  const refused = await viewer.callTool({ name: "createConnection", arguments: { userId1: "!!" } });
  expect(refused._meta?.["connectory/error"]).toMatchObject({
    code: "PERMISSION_DENIED",
    reason: "PERMISSION_MISSING",
    metadata: { permission: "connections.write" },
  });
  const call = viewer.callTool({ name: `createTable${"x".repeat(1000)}`, arguments: {} });
  await expect(call).rejects.toMatchObject({
    code: -32602,
    message: expect.stringMatching(/^there is no tool .{1,66}$/),
  });
  await viewer.close();
});

test("a value is never repeated in an error, nor is a secret in any log line", async () => {
  const client = await connectMcp(app.httpUrl, await app.token());
  const secret = `${canaryPrefix}misplaced`;
  const places = [
    { config: { postgres: { host: "a.example", port: secret } } },
    { config: { postgres: { host: "a.example", password: [secret] } } },
    { config: { kafka: { bootstrapServers: "a:1", sasl: secret } } },
    { config: secret },
    { updateMask: { password: secret } },
  ];
  for (const place of places) {
    const refused = await client.callTool({ name: "testConnectionProfile", arguments: place });
    expect(refused._meta?.["connectory/error"]).toMatchObject({ reason: "MESSAGE_MALFORMED" });
    expect(JSON.stringify(refused)).not.toContain(secret);
  }
  await client.close();
  expect(app.logged.filter((line) => line.includes(canaryPrefix))).toEqual([]);
});
