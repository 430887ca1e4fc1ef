import { describe, expect, test } from "vitest";
import { CreateConnectionRequestSchema as Create } from "../../../gen/connectory/v1/connection_service_pb.js";
import { findNoTimes } from "../../../src/server/json/find-no-times.ts";

const faults = (connectedSince: unknown) => findNoTimes(Create, { connectedSince });

describe("a time that no calendar or clock has is a violation", () => {
  test.each([
    ["2024-02-30T00:00:00Z", "is a day that no calendar has"],
    ["2023-02-29T00:00:00Z", "is a day that no calendar has"],
    ["2024-04-31T00:00:00Z", "is a day that no calendar has"],
    ["2024-00-10T00:00:00Z", "is a day that no calendar has"],
    ["2024-13-01T00:00:00Z", "is a day that no calendar has"],
    ["2024-01-00T00:00:00Z", "is a day that no calendar has"],
    ["1900-02-29T00:00:00Z", "is a day that no calendar has"],
    ["2024-05-06T24:00:00Z", "is a time that no clock has: hours go to 23, minutes and seconds to 59"],
    ["2024-05-06T23:60:00Z", "is a time that no clock has: hours go to 23, minutes and seconds to 59"],
    ["2024-12-31T23:59:60Z", "is a time that no clock has: hours go to 23, minutes and seconds to 59"],
    ["2024-05-06T10:00:00+24:00", "has an offset that no clock has: at most 23:59"],
  ])("%s", (text, description) => {
    expect(faults(text)).toEqual([{ field: "connected_since", description }]);
  });

  test.each([
    "2024-02-29T00:00:00Z",
    "2000-02-29T23:59:59.999999999+05:30",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
  ])("%s is one", (text) => {
    expect(faults(text)).toEqual([]);
  });

  test("what is no text, or of another form, is left to protobuf", () => {
    for (const value of ["yesterday", "", 5, null, {}, ["2024-05-06T10:00:00Z"]]) expect(faults(value)).toEqual([]);
  });
});
