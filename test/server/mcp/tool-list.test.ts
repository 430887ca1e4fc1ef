import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type DescMessage, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { access } from "../../../gen/connectory/options/v1/access_pb.js";
import { mcp_tool } from "../../../gen/connectory/options/v1/mcp_tool_pb.js";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import packageJson from "../../../package.json" with { type: "json" };
import { permissionsOf } from "../../../src/auth/permissions.ts";
import { descriptionOf } from "../../../src/proto-schema/comments/description-of.ts";
import { isSecret } from "../../../src/proto-schema/field-options.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { compileSchema } from "./compile-schema.ts";
import { connectMcp, eras } from "./connect-mcp.ts";

const methods: DescMethod[] = [...ConnectionService.methods, ...ConnectionProfileService.methods];
const annotated = methods.filter((method) => hasOption(method, mcp_tool));
const nameOf = (method: DescMethod) => getOption(method, mcp_tool).name;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

async function listTools(token: string, era: (typeof eras)[number] = "legacy") {
  const client = await connectMcp(app.httpUrl, token, era);
  const { tools } = await client.listTools();
  await client.close();
  return tools;
}

describe.each(eras)("the tools, for a client of %s", (era) => {
  test("are one for each annotated RPC, with its comment, its hints and schemas that stand alone", async () => {
    const tools = await listTools(await app.token(), era);
    expect(tools.map(({ name }) => name)).toEqual(annotated.map(nameOf));
    for (const method of annotated) {
      const tool = tools.find(({ name }) => name === nameOf(method));
      const { title, destructive, openWorld } = getOption(method, mcp_tool);
      const reads = method.idempotency === Idempotency.NO_SIDE_EFFECTS;
      expect(tool).toMatchObject({
        title,
        description: expect.stringContaining(descriptionOf(method)),
        inputSchema: { type: "object" },
        outputSchema: { type: "object" },
        annotations: {
          title,
          readOnlyHint: reads,
          destructiveHint: destructive,
          idempotentHint: reads || method.idempotency === Idempotency.IDEMPOTENT,
          openWorldHint: openWorld,
        },
      });
      expect(descriptionOf(method)).not.toBe("");
      expect(tool?.name.length).toBeLessThanOrEqual(64);
      compileSchema(tool?.inputSchema ?? {});
      compileSchema(tool?.outputSchema ?? {});
    }
  });

  test("and the server say who they are", async () => {
    const client = await connectMcp(app.httpUrl, await app.token(), era);
    expect(client.getServerVersion()).toEqual({
      name: "connectory",
      title: "Connectory",
      version: packageJson.version,
    });
    expect(client.getServerCapabilities()).toEqual({ tools: {} });
    expect(client.getInstructions()).toContain("Secrets are write-only");
    await client.close();
  });
});

test("only those that the caller's roles allow are listed", async () => {
  for (const role of ["viewer", "editor", "admin"]) {
    const allowed = annotated.filter((method) => permissionsOf([role]).has(getOption(method, access).permission));
    expect((await listTools(await app.token({ roles: [role] }))).map(({ name }) => name)).toEqual(allowed.map(nameOf));
  }
  expect(await listTools(await app.token({ roles: ["guest"] }))).toEqual([]);
});

test("a tool that takes secrets says that they are write-only, and its answers have no field for them", async () => {
  const tools = await listTools(await app.token());
  const takers = annotated.filter(({ input }) => secretsOf(input).length > 0);
  expect(takers.map(nameOf)).toContain("createConnectionProfile");
  const secretNames = annotated.flatMap(({ input, output }) => [...secretsOf(input), ...secretsOf(output)]);
  for (const { name, description, outputSchema } of tools) {
    const isTaker = takers.some((method) => nameOf(method) === name);
    expect([name, description?.includes("write-only")]).toEqual([name, isTaker]);
    const answered = JSON.stringify(outputSchema);
    for (const secret of secretNames) if (secret !== "secrets") expect(answered).not.toContain(`"${secret}"`);
  }
});

/** The JSON names of the secrets in a message and in those inside of it. */
function secretsOf(message: DescMessage, seen = new Set<DescMessage>()): string[] {
  if (seen.has(message)) return [];
  seen.add(message);
  return message.fields.flatMap((field) => [
    ...(isSecret(field) ? [field.jsonName] : []),
    ...(field.message === undefined ? [] : secretsOf(field.message, seen)),
  ]);
}

test("whatever may dial a system outside says so", () => {
  for (const method of methods) {
    const dials = getOption(method, access).permission === "profiles.test" || "validationMode" in method.input.field;
    if (hasOption(method, mcp_tool))
      expect([method.name, getOption(method, mcp_tool).openWorld]).toEqual([method.name, dials]);
  }
});

test("an RPC that tells of another's progress has all of its fields, and needs the same permission", () => {
  const told = methods.filter((method) => getOption(method, mcp_tool).progressFrom !== "");
  expect(told.map(nameOf)).toContain("testConnectionProfile");
  const fieldsOf = ({ fields }: DescMethod["input"]) =>
    fields.map(({ jsonName, fieldKind, scalar, message }) => [jsonName, fieldKind, scalar, message?.typeName]);
  for (const method of told) {
    const teller = methods.find(({ name }) => name === getOption(method, mcp_tool).progressFrom) as DescMethod;
    expect(fieldsOf(teller.input)).toEqual(expect.arrayContaining(fieldsOf(method.input)));
    expect(fieldsOf(teller.output)).toEqual(expect.arrayContaining(fieldsOf(method.output)));
    expect(getOption(teller, access)).toEqual(getOption(method, access));
    expect([method.methodKind, teller.methodKind]).toEqual(["unary", "server_streaming"]);
  }
});

test("docs/mcp.md has every tool, with what it says of itself", async () => {
  const page = await readFile(join(import.meta.dirname, "../../../docs/mcp.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
  const expected = annotated.map((method) => {
    const { name, title, destructive, openWorld } = getOption(method, mcp_tool);
    const reads = method.idempotency === Idempotency.NO_SIDE_EFFECTS;
    const marks = [reads ? "reads" : "writes", destructive ? "removes" : "", openWorld ? "dials" : ""];
    return [name, title, `\`${getOption(method, access).permission}\``, marks.filter((mark) => mark !== "").join(", ")];
  });
  expect(rows).toEqual(expected);
});
