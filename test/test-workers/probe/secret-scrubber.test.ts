import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { HttpConfigSchema } from "../../../gen/connectory/v1/http_config_pb.js";
import { RedisConfigSchema } from "../../../gen/connectory/v1/redis_config_pb.js";
import { connectors } from "../../../src/connectors/registry.ts";
import { createSecretScrubber } from "../../../src/test-workers/probe/secret-scrubber.ts";
import { secretEncodings } from "../../connectors/secret-encodings.ts";
import { canary } from "../../support/canary.ts";

const redis = (password: string, username = "ann") =>
  createSecretScrubber(
    connectors.redis,
    create(RedisConfigSchema, { address: "redis://cache.example:6379", username, password }),
  );
const http = (init: MessageInitShape<typeof HttpConfigSchema>) =>
  createSecretScrubber(connectors.http, create(HttpConfigSchema, { url: "https://a.example/x", ...init }));

describe.each([canary("with blanks/and+signs"), "äöü-Ω-schlüssel", 'quote"back\\slash', "50%41+off", "four"])(
  "the secret %s",
  (secret) => {
    test.each(Object.entries(secretEncodings(secret)))("is found in its form %s", (name, text) => {
      const { reveals, scrub } = redis(secret);
      expect([name, reveals(text)]).toEqual([name, true]);
      expect(scrub(text)).toBe("[redacted]");
    });

    test.each(["7.2.4", "standalone", "", "Ubuntu 24.04", "cache.example:6379", "[::1]:6379"])(
      "is not in %j",
      (text) => {
        expect(redis(secret).scrub(text)).toBe(text);
      },
    );
  },
);

test("a secret of one to three characters is found as the whole of a text, and in a log-in", () => {
  const { reveals } = redis("7a");
  const found = ["7a", " 7A ", "%37a", "ann:7a", "7a:ann", Buffer.from("ann:7a").toString("base64")];
  expect(found.filter((text) => !reveals(text))).toEqual([]);
  expect(["7.2.4", "7ab", "a7a", "Redis 7a"].filter(reveals)).toEqual([]);
});

test("what the configuration shows is shown, and the log-in made of it is not", () => {
  const { reveals } = redis("admin", "admin");
  expect(["admin", "user admin"].filter(reveals)).toEqual([]);
  expect(reveals(Buffer.from("admin:admin").toString("base64"))).toBe(true);
  expect(redis("cache").reveals("cache.example:6379")).toBe(false);
  expect(redis("6379").reveals("[2001:db8::1]:6379")).toBe(false);
});

test("of a header the credentials are found too, and of basic auth the password", () => {
  const login = Buffer.from(`ann:${canary("basic")}`).toString("base64");
  const { reveals } = http({ headers: { Authorization: `Basic ${login}`, "x-other": `Token ${canary("token")}` } });
  expect([login, canary("basic"), canary("token")].filter((text) => !reveals(text))).toEqual([]);
  expect(["Basic", "Token", "Authorization", "x-other"].filter(reveals)).toEqual([]);
});

test("a secret that comes up on the way is one as well", () => {
  const concealer = redis(canary("password"));
  expect(concealer.reveals(`token ${canary("given")}`)).toBe(false);
  concealer.addSecret(canary("given"));
  expect(concealer.reveals(`token ${canary("given")}`)).toBe(true);
});

test("without secrets everything is shown", () => {
  expect(http({}).scrub("anything")).toBe("anything");
});
