import { jsonObjectOrEmpty } from "../../proto-schema/json-object.ts";

/** What a text in JSON holds; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The members of a JSON object; none when it is something else. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  return jsonObjectOrEmpty(value);
}
