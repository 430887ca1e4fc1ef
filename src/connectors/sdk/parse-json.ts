import { jsonObjectOrEmpty } from "../../proto-schema/json-object.ts";

/** Returns the value of a JSON text; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the members of a JSON object; empty for other values. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  return jsonObjectOrEmpty(value);
}
