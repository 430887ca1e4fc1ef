import type { DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type RestNames, restNameOf } from "../../../proto-schema/http/rest-mapping.ts";
import { isJsonObject } from "../../../proto-schema/json-object.ts";
import { holdsTimes } from "../../json/find-no-times.ts";

/**
 * Adds `.000` to the times of whole seconds in the JSON of a message, which protobuf prints without: readers then get one form, that
 * of JavaScript's `toISOString`.
 */
export function printMilliseconds(schema: DescMessage, json: JsonObject, names: RestNames): void {
  if (!holdsTimes(schema)) return;
  for (const field of schema.fields) {
    const name = restNameOf(field, names);
    const value = json[name];
    const message = field.message;
    if (message === undefined || value === undefined) continue;
    if (message.typeName === TimestampSchema.typeName) json[name] = withMilliseconds(value);
    else if (isJsonObject(value) && field.fieldKind === "message") printMilliseconds(message, value, names);
    else if (Array.isArray(value))
      for (const item of value) if (isJsonObject(item)) printMilliseconds(message, item, names);
  }
}

function withMilliseconds(value: JsonValue): JsonValue {
  return typeof value === "string" ? value.replace(/(:\d\d)Z$/, "$1.000Z") : value;
}
