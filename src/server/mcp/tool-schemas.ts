import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Tool } from "@modelcontextprotocol/server";
import { isSecret } from "../../proto-schema/field-options.ts";
import { discriminatorOf } from "../../proto-schema/http/rest-mapping.ts";
import { fieldSchema } from "../../proto-schema/json-schema/field-schema.ts";
import { createJsonSchemas } from "../../proto-schema/json-schema/json-schema.ts";
import type { JsonSchema } from "../../proto-schema/json-schema/keywords.ts";

/**
 * Returns the self-contained schema of a tool's arguments, with its definitions in `$defs`. A configuration is an object there
 * that names the connectors: those of all connectors are ten times as long as everything else, and getConnector has each.
 */
export function toolInputSchema(message: DescMessage): Tool["inputSchema"] {
  const ref = (name: string) => `#/$defs/${name}`;
  const schemas = createJsonSchemas({ names: "json", direction: "input", ref, replace: configSchema });
  const schema = schemas.of(message);
  const $defs = schemas.definitions();
  const whole = { ...schema, ...(Object.keys($defs).length === 0 ? {} : { $defs }) };
  return JSON.parse(JSON.stringify(whole), withoutUuidPattern) as Tool["inputSchema"];
}

/** Removes the pattern of a UUID, whose format says the same in fewer bytes. */
function withoutUuidPattern(_: string, value: JsonSchema): JsonSchema {
  if (value?.format !== "uuid") return value;
  const { pattern: _pattern, ...rest } = value;
  return rest;
}

/** Levels of messages whose fields a schema names: the answer, and the messages in it. What lies further inside is an object. */
const namedLevels = 2;

/** Returns the short schema of a tool's answer: names and types, without the comments and the rules of requests. */
export function toolOutputSchema(message: DescMessage): Tool["inputSchema"] {
  return outlineOf(message, namedLevels) as Tool["inputSchema"];
}

/** Returns the schema of a field with a configuration, of exactly one connector; undefined for any other field. */
function configSchema(field: DescField): JsonSchema | undefined {
  if (field.message === undefined || discriminatorOf(field) === undefined) return undefined;
  return {
    type: "object",
    description:
      "Its only member has the connector's id as its name. Call getConnector with that id first: `configSchema` in its answer is the JSON Schema of the member's value.",
    properties: Object.fromEntries(field.message.fields.map(({ jsonName }) => [jsonName, {}])),
    maxProperties: 1,
    additionalProperties: false,
  };
}

function outlineOf({ fields }: DescMessage, levels: number): JsonSchema {
  if (levels === 0) return { type: "object" };
  const shown = fields.filter((field) => !isSecret(field));
  return {
    type: "object",
    properties: Object.fromEntries(shown.map((field) => [field.jsonName, outline(field, levels)])),
  };
}

function outline(field: DescField, levels: number): JsonSchema {
  const { schema } = fieldSchema(field, {
    names: "json",
    direction: "output",
    standing: "whole",
    refer: (type) => (type.kind === "enum" ? { type: "string" } : outlineOf(type, levels - 1)),
  });
  return typesOnly(schema);
}

function typesOnly({ type, properties, items, additionalProperties }: JsonSchema): JsonSchema {
  return {
    ...(type !== undefined && { type }),
    ...(properties !== undefined && { properties }),
    ...(items !== undefined && { items: typesOnly(items) }),
    ...(typeof additionalProperties === "object" && { additionalProperties: typesOnly(additionalProperties) }),
  };
}
