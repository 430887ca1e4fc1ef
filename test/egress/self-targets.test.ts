import { describe, expect, test } from "vitest";
import { selfTargets } from "../../src/egress/self-targets.ts";

describe("ownTargets", () => {
  test.each([
    ["postgres://u:p@db.example/x", ["db.example 5432"]],
    ["postgres://u:p@[::1]:6432/x", ["::1 6432"]],
    ["postgres:///x?host=10.0.0.1", ["10.0.0.1 5432"]],
    ["postgres://u:p@proxy/x?host=[fd12::1]&port=6000", ["proxy 5432", "proxy 6000", "fd12::1 5432", "fd12::1 6000"]],
    ["postgres://u:p@localhost:1/x?host=/run/postgresql", ["localhost 1"]],
    ["postgres://u:p@%2Frun%2Fpostgresql/x", []],
  ])("of %s", (url, expected) => {
    expect(selfTargets(url, []).map(({ host, port }) => `${host} ${port}`)).toEqual(expected);
  });

  test("brokers, and nothing without settings", () => {
    expect(selfTargets(undefined, ["kafka-1:9092"])).toEqual([{ host: "kafka-1", port: 9092 }]);
    expect(selfTargets(undefined, [])).toEqual([]);
  });
});
