import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/**
 * What the web form that the schemas are for makes of a configuration that somebody types into it. Of every choice the
 * title is kept below `__meta`; an option without fields leaves an empty object; a switch is there from the beginning, and
 * the first value of a list of values is taken by itself.
 */
export function fillForm(schema: JsonObject, config: JsonObject): JsonObject {
  const meta: JsonObject = {};
  const data = fillObject(schema, config, meta);
  return { ...data, __meta: meta };
}

function fillObject(schema: JsonObject, config: JsonObject, meta: JsonObject): JsonObject {
  const data: JsonObject = {};
  for (const [name, property] of Object.entries((schema.properties ?? {}) as Record<string, JsonObject>)) {
    const value = fillProperty(property, name, config, meta);
    if (value !== undefined) data[name] = value;
  }
  return data;
}

function fillProperty(property: JsonObject, name: string, config: JsonObject, meta: JsonObject): JsonValue | undefined {
  const typed = config[name];
  const below: JsonObject = {};
  if (property.oneOf !== undefined) {
    const options = property.oneOf as JsonObject[];
    // The members of a oneof stand beside it in a configuration; an optional message stands in its place.
    const chosen = options.find((option) => {
      const [member = ""] = (option.required as string[] | undefined) ?? [];
      return typed === undefined ? config[member] !== undefined : Object.keys(option.properties ?? {}).length > 0;
    });
    const option = chosen ?? (options[0] as JsonObject);
    const inside = typed === undefined ? config : (typed as JsonObject);
    const data = Object.keys(option.properties ?? {}).length === 0 ? {} : fillObject(option, inside, below);
    meta[name] = { ...below, type: option.title ?? "" };
    return data;
  }
  if (property.properties !== undefined) {
    const data = fillObject(property, (typed ?? {}) as JsonObject, below);
    if (Object.keys(below).length > 0) meta[name] = below;
    return data;
  }
  if (property.type === "boolean") return typed ?? false;
  return property.enum === undefined ? typed : (typed ?? (property.enum as string[])[0]);
}
