import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { fieldsInvalid } from "../failure.ts";

// The range that google.protobuf.Timestamp documents: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, in seconds.
const earliest = -62_135_596_800n;
const latest = 253_402_300_799n;

/** Reads a timestamp of a request, cut to the millisecond. Binary messages can hold any number, so it is checked. */
export function readInstant(field: string, timestamp: Timestamp): Date {
  const { seconds, nanos } = timestamp;
  if (seconds < earliest || seconds > latest || nanos < 0 || nanos > 999_999_999)
    throw fieldsInvalid({
      field,
      description: "must be a time of the years 1 to 9999 with 0 to 999,999,999 nanoseconds",
    });
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1_000_000));
}
