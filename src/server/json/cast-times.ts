import type { DescField, JsonValue } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";

/** Returns whether the field holds a time, or a list of times. */
export function isTimeField({ message }: DescField): boolean {
  return message?.typeName === TimestampSchema.typeName;
}

/**
 * Returns a time in the form of RFC 3339 for a day (`2026-01-31`, its beginning in UTC) and for milliseconds since 1970, as
 * JavaScript has them. Other values stay unchanged, for protobuf to read or to reject; of a list each element is converted.
 */
export function castTimes(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(castTimes);
  if (typeof value === "string") return /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value;
  if (typeof value !== "number" || !Number.isInteger(value)) return value;
  const isReadable = value >= earliestMs && value <= latestMs;
  return isReadable ? new Date(value).toISOString() : value;
}

/** The years 1 to 9999, which protobuf's form of a time can name. */
const earliestMs = -62_135_596_800_000;
const latestMs = 253_402_300_799_999;
