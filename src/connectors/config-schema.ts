import type { DescMessage, JsonObject } from "@bufbuild/protobuf";
import { createJsonSchemas } from "../proto-schema/json-schema/json-schema.ts";

/** The schemas have some hundred properties each; each is built once, on first use. */
const schemas = new WeakMap<DescMessage, JsonObject>();

/**
 * Returns the JSON Schema (2020-12) of a configuration in protobuf JSON, with its rules; secrets are `writeOnly`. It stands alone:
 * its definitions are in `$defs`.
 */
export function configSchemaOf(config: DescMessage): JsonObject {
  const known = schemas.get(config);
  if (known !== undefined) return known;
  const definitions = createJsonSchemas({ names: "json", direction: "input", ref: (name) => `#/$defs/${name}` });
  const schema = definitions.of(config);
  const $defs = definitions.definitions();
  const made = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...schema,
    ...(Object.keys($defs).length === 0 ? {} : { $defs }),
  } as unknown as JsonObject;
  schemas.set(config, made);
  return made;
}
