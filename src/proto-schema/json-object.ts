import type { JsonObject } from "@bufbuild/protobuf";

/** Returns whether a value of parsed JSON is an object: neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns an object without a prototype, in which a key such as `__proto__` is an ordinary key. */
export function emptyJsonObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

/** Returns the value when it is an object, else an empty object. */
export function jsonObjectOrEmpty(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
