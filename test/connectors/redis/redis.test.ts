import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { RedisConfigSchema } from "../../../gen/connectory/v1/redis_config_pb.js";
import { redis } from "../../../src/connectors/redis/redis.ts";
import { canary } from "../../support/canary.ts";

const user = { username: "ann", password: canary("redis-unused") };

describe("check", () => {
  type Init = MessageInitShape<typeof RedisConfigSchema>;
  const violated = (init: Init) => (redis.validate?.(create(RedisConfigSchema, init)) ?? []).map(({ field }) => field);

  test.each<Init>([
    { address: "redis://a.example" },
    { address: "rediss://a.example:6380/2", tls: {} },
    { address: "redis://[2001:db8::1]:6379/" },
    { addresses: ["redis://a", "redis://b:7000/0"] },
  ])("has nothing against %j", (init) => {
    expect(violated(init)).toEqual([]);
  });

  test.each<[Init, string]>([
    [{}, "address"],
    [{ address: "redis://a", addresses: ["redis://b"] }, "addresses"],
    [{ address: "http://a" }, "address"],
    [{ address: "a:6379" }, "address"],
    [{ address: `redis://ann:${canary("in-url")}@a` }, "address"],
    [{ address: "redis://a:0" }, "address"],
    [{ address: "redis://a/shop" }, "address"],
    [{ address: "redis://a?db=1" }, "address"],
    [{ addresses: ["redis://a", "redis://b/1"] }, "addresses[1]"],
    [{ addresses: ["redis://a", ""] }, "addresses[1]"],
    [{ addresses: ["redis://a", "rediss://b"] }, "addresses"],
    [{ address: "rediss://a", tls: { ca: "none" } }, "tls.ca"],
  ])("refuses %j", (init, field) => {
    expect(violated(init)).toEqual([field]);
  });
});

describe("describe and endpoints", () => {
  test("tell where to, never who or with what", () => {
    const addresses = ["rediss://B.example", "rediss://[2001:db8::1]:7000", "rediss://b.example:6379", "nonsense"];
    const config = create(RedisConfigSchema, { addresses, ...user });
    expect(redis.describe(config)).toBe("b.example:6379,[2001:db8::1]:7000");
    expect(redis.endpoints(config)).toEqual([
      { host: "b.example", port: 6379 },
      { host: "2001:db8::1", port: 7000 },
    ]);
    const careless = create(RedisConfigSchema, { address: `redis://ann:${canary("in-url")}@a` });
    expect(redis.describe(careless)).toBe("a:6379");
  });
});
