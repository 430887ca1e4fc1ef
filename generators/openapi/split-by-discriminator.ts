import type { JsonSchema } from "../../src/proto-schema/json-schema/keywords.ts";

const prefix = "#/components/schemas/";

/** A property that names the schema of another one, such as `connector` of `config`. */
interface Discriminated {
  readonly naming: string;
  readonly value: string;
  /** The schema of the value by each name. */
  readonly variants: readonly (readonly [name: string, schema: JsonSchema])[];
}

/**
 * Splits each object whose property names the schema of another property (`connector` that of `config`) into one object for
 * each name, with a discriminator. Generated clients then choose by the name: with one object of any of the schemas they choose
 * the first that fits, and lose the fields of the right one. Returns all schemas with those in addition, by their names. Throws
 * Error when a name is taken.
 */
export function splitByDiscriminator(schemas: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> {
  const result: Record<string, JsonSchema> = { ...schemas };
  const add = (name: string, schema: JsonSchema): string => {
    if (result[name] !== undefined) throw new Error(`there are two schemas ${name}`);
    result[name] = schema;
    return prefix + name;
  };
  for (const [name, schema] of Object.entries(schemas)) {
    const found = discriminatedOf(schema, schemas);
    if (found === undefined) continue;
    const mapping: Record<string, string> = {};
    for (const [of, value] of found.variants) mapping[of] = add(pascal(of) + name, variantOf(schema, found, of, value));
    const refs = Object.values(mapping);
    // A request may be about something else than the configuration.
    if (isInput(schema) && schema.required?.includes(found.value) !== true)
      refs.push(add(`${name}Without${pascal(found.value)}`, withoutValue(schema, found)));
    const { description } = schema;
    result[name] = {
      ...(description === undefined ? {} : { description }),
      oneOf: refs.map(($ref) => ({ $ref })),
      discriminator: { propertyName: found.naming, mapping },
    };
  }
  return result;
}

function discriminatedOf(
  { properties = {} }: JsonSchema,
  schemas: Readonly<Record<string, JsonSchema>>,
): Discriminated | undefined {
  for (const [value, { anyOf = [] }] of Object.entries(properties))
    for (const [naming, { $ref = "" }] of Object.entries(properties)) {
      const names = schemas[$ref.slice(prefix.length)]?.enum;
      if (names === undefined || anyOf.length !== names.length) continue;
      return { naming, value, variants: names.map((name, index) => [name, anyOf[index] ?? {}]) };
    }
  return undefined;
}

function variantOf(schema: JsonSchema, { naming, value }: Discriminated, name: string, of: JsonSchema): JsonSchema {
  const { properties = {}, required = [] } = schema;
  const { anyOf: _, ...about } = properties[value] ?? {};
  const { $ref: __, ...aboutName } = properties[naming] ?? {};
  const needed = new Set([...required, naming, ...(isInput(schema) ? [value] : [])]);
  return {
    ...schema,
    properties: {
      ...properties,
      [naming]: { type: "string", enum: [name], ...aboutName },
      [value]: { ...of, ...about },
    },
    required: [...needed],
  };
}

function withoutValue(schema: JsonSchema, { naming, value }: Discriminated): JsonSchema {
  const left = Object.entries(schema.properties ?? {}).filter(([name]) => name !== naming && name !== value);
  return { ...schema, properties: Object.fromEntries(left) };
}

/** Only what a caller sends is closed: responses may get further fields. */
function isInput({ additionalProperties }: JsonSchema): boolean {
  return additionalProperties === false;
}

function pascal(name: string): string {
  return name.replaceAll(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
