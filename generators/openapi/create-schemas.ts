import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { discriminatorOf, type RestNames } from "../../src/proto-schema/http/rest-mapping.ts";
import { createJsonSchemas, type JsonSchemas } from "../../src/proto-schema/json-schema/json-schema.ts";
import type {
  Completeness,
  JsonSchema,
  JsonSchemaOptions,
  ObjectSchema,
  Refer,
} from "../../src/proto-schema/json-schema/keywords.ts";
import { titleOf } from "../../src/proto-schema/json-schema/title-of.ts";

/** The schemas of a document. All of them share one list of names. */
export interface DocumentSchemas {
  /** The schemas of what comes in or goes out under these names. */
  of(names: RestNames, direction: "input" | "output"): JsonSchemas;
  /** Keeps a schema that is not just a message's, under this name when it is free, and answers with a reference to it. */
  keep(name: string, schema: JsonSchema): JsonSchema;
  /**
   * Adds optional properties to the schema that a reference is to: what some responses have besides its own. With an `allOf` of both,
   * generated clients would not find the variants of the schema.
   */
  extend(reference: JsonSchema, more: ObjectSchema): void;
  /** The schema that a reference is to. */
  resolve(schema: JsonSchema): JsonSchema;
  /** Every schema by its name. */
  all(): Record<string, JsonSchema>;
}

const prefix = "#/components/schemas/";

/** Makes the schemas of a document, in the form in which REST writes messages. */
export function createSchemas(): DocumentSchemas {
  const variants = new Map<string, JsonSchemas>();
  const kept: Record<string, JsonSchema> = {};
  const claim = createNames();
  const extensions = new Map<string, Record<string, JsonSchema>>();
  let known: Record<string, JsonSchema> = {};
  const all = (): Record<string, JsonSchema> => {
    const made: Record<string, JsonSchema> = Object.assign(
      {},
      kept,
      ...[...variants.values()].map((schemas) => schemas.definitions()),
    );
    for (const [name, more] of extensions)
      made[name] = { ...made[name], properties: { ...made[name]?.properties, ...more } };
    return made;
  };

  const keep = (wanted: string, schema: JsonSchema) => {
    const name = claim(wanted, "Form", JSON.stringify(schema));
    kept[name] = schema;
    return { $ref: prefix + name };
  };

  const extend = ({ $ref = "" }: JsonSchema, { properties }: ObjectSchema) => {
    const name = $ref.slice(prefix.length);
    extensions.set(name, { ...extensions.get(name), ...properties });
    known = {};
  };

  const resolve = (schema: JsonSchema): JsonSchema => {
    if (schema.$ref === undefined) return schema;
    const name = schema.$ref.slice(prefix.length);
    if (known[name] === undefined) known = all();
    return resolve(known[name] ?? {});
  };

  return {
    all,
    of: (names, direction) => {
      const variant = `${names} ${direction}`;
      const made = variants.get(variant);
      if (made !== undefined) return made;
      const suffix = direction === "input" ? "Input" : "Output";
      const nameOf = (type: DescMessage | DescEnum, standing: Completeness) =>
        claim(wantedName(type, direction, standing), suffix, ownerOf(type, names, `${direction} ${standing}`));
      const replace: JsonSchemaOptions["replace"] = (field, standing, refer) =>
        namedForm(field, direction === "output" ? "partial" : standing, refer, keep);
      const schemas = createJsonSchemas({ names, direction, ref: (name) => prefix + name, nameOf, replace });
      variants.set(variant, schemas);
      return schemas;
    },
    keep,
    extend,
    resolve,
  };
}

/** `KafkaConfig`; `KafkaConfigEdits` where it is laid over another; `StoredKafkaConfig` as it comes back. */
function wantedName({ name }: DescMessage | DescEnum, direction: "input" | "output", standing: Completeness): string {
  if (standing === "whole") return name;
  return direction === "input" ? `${name}Edits` : `Stored${name}`;
}

/** What a definition is of. An enum has one form; the names do not matter where both are the same all the way down. */
function ownerOf(type: DescMessage | DescEnum, names: RestNames, form: string): string {
  if (type.kind === "enum") return type.typeName;
  return `${type.typeName} ${form} ${hasOneName(type) ? "" : names}`;
}

function hasOneName(message: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (seen.has(message)) return true;
  seen.add(message);
  return message.fields.every(
    (field) => field.name === field.jsonName && (field.message === undefined || hasOneName(field.message, seen)),
  );
}

/** Names for schemas: that which is wanted, and where another schema has it, one with the suffix. */
function createNames(): (wanted: string, suffix: string, owner: string) => string {
  const owners = new Map<string, string>();
  return (wanted, suffix, owner) => {
    const isFree = (name: string) => (owners.get(name) ?? owner) === owner;
    const name = [wanted, wanted + suffix].find(isFree) ?? `${wanted}${suffix}${owners.size}`;
    owners.set(name, owner);
    return name;
  };
}

/**
 * A message that is named beside it has the member's own fields in its place: any of the members, because several of them
 * may have the same fields and one that fits would not be the only one. What names it has the members' names.
 */
function namedForm(
  field: DescField,
  standing: Completeness,
  refer: Refer,
  keep: DocumentSchemas["keep"],
): JsonSchema | undefined {
  if (discriminatorOf(field) !== undefined)
    return { anyOf: membersOf(field).map(({ message }) => (message === undefined ? {} : refer(message, standing))) };
  const named = namedField(field.parent);
  if (named === undefined || discriminatorOf(named) !== field) return undefined;
  const name = `${titleOf(field).replaceAll(" ", "")}Name`;
  return keep(name, { type: "string", enum: membersOf(named).map((member) => member.name) });
}

/** The field of a message whose value is named beside it. */
export function namedField(message: DescMessage): DescField | undefined {
  return message.fields.find((field) => discriminatorOf(field) !== undefined);
}

/** The members that a message named beside it may have. */
export function membersOf(field: DescField): readonly DescField[] {
  return field.message?.fields ?? [];
}
