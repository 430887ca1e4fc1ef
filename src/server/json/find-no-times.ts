import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../../errors/api-error.ts";
import { isJsonObject } from "../../proto-schema/json-object.ts";
import { findJsonField } from "./json-fields.ts";

const form = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|[+-](\d\d):(\d\d))$/;

/**
 * Finds the times of a request that no calendar or clock has, such as 30 February or 24:00, which JavaScript moves to another
 * day (RFC 3339, 5.7). Times of another form are left to protobuf.
 */
export function findNoTimes(message: DescMessage, json: unknown, path = ""): FieldViolation[] {
  if (!isJsonObject(json) || !holdsTimes(message)) return [];
  return Object.entries(json).flatMap(([key, value]) => {
    const field = findJsonField(message, key);
    return field?.message === undefined ? [] : inField(field.message, value, path + field.name);
  });
}

function inField(message: DescMessage, value: unknown, path: string): FieldViolation[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => inField(message, one, `${path}[${index}]`));
  if (message.typeName !== TimestampSchema.typeName) return findNoTimes(message, value, `${path}.`);
  const fault = typeof value === "string" ? faultOf(value) : undefined;
  return fault === undefined ? [] : [{ field: path, description: fault }];
}

/** Returns the fault of a time of RFC 3339; undefined for a real one, and for a text of another form. */
export function faultOf(text: string): string | undefined {
  const parts = form.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offsetHour = 0, offsetMinute = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return "is a day that no calendar has";
  if (hour > 23 || minute > 59 || second > 59)
    return "is a time that no clock has: hours go to 23, minutes and seconds to 59";
  return offsetHour > 23 || offsetMinute > 59 ? "has an offset that no clock has: at most 23:59" : undefined;
}

const known = new WeakMap<DescMessage, boolean>();

/** Returns whether the message, or one inside of it, has a time: most requests have none, and are not searched. */
export function holdsTimes(message: DescMessage): boolean {
  const found = known.get(message);
  if (found !== undefined) return found;
  known.set(message, false); // for a message inside of itself
  const holds = message.fields.some(({ message: inner }: DescField) =>
    inner === undefined ? false : inner.typeName === TimestampSchema.typeName || holdsTimes(inner),
  );
  known.set(message, holds);
  return holds;
}
