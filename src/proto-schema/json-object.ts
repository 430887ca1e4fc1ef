import type { JsonObject } from "@bufbuild/protobuf";

/** Whether a value of parsed JSON is an object: neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object without a prototype, where a key such as `__proto__` is a key like any other. */
export function emptyJsonObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

/** The value when it is an object, otherwise an object without keys. */
export function jsonObjectOrEmpty(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
