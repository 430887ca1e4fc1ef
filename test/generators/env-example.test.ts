import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { envExample } from "../../generators/env-example/env-example-text.ts";
import { parseConfig } from "../../src/app/parse-config.ts";
import { settings } from "../../src/config/settings.ts";

const text = readFileSync(join(import.meta.dirname, "../../.env.example"), "utf8");

test(".env.example is what `npm run generate` makes of the list of settings", () => {
  expect(text).toBe(envExample());
});

test("its values are read without a problem, but for those that stand for a secret", () => {
  const given = Object.fromEntries(
    [...text.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name = "", value]) => [name, value]),
  );
  expect(Object.keys(given)).toEqual(settings.map(({ name }) => name));
  const key = `k1:${Buffer.alloc(32).toString("base64")}`;
  const config = parseConfig({ ...given, SECRET_KEYS: key, SECRET_ENV_ALLOW: "" });
  expect(config.kafka?.brokers).toHaveLength(2);
  expect(config.issuer?.roleMapping?.size).toBe(2);
});
