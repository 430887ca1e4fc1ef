import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { KafkaConfigSchema } from "../../../gen/connectory/v1/kafka_config_pb.js";
import { TestReportSchema } from "../../../gen/connectory/v1/test_report_pb.js";
import { connectors } from "../../../src/connectors/registry.ts";
import type { DiscoveredPage } from "../../../src/connectors/sdk/connector.ts";
import { sanitizeDiscovery } from "../../../src/test-workers/probe/sanitize-discovery.ts";
import { createSecretScrubber } from "../../../src/test-workers/probe/secret-scrubber.ts";
import { canary } from "../../support/canary.ts";

const secret = canary("echoed");
const sasl = { protocol: "SASL_SSL", mechanism: "PLAIN", username: "ann", password: secret };
const config = create(KafkaConfigSchema, { bootstrapServers: "a.example:9092", sasl });

const tidy = (page: Partial<DiscoveredPage>, pageSize = 10) => {
  const found = { resources: [], nextCursor: "", ...page };
  const outcome = { error: false, message: "", report: create(TestReportSchema), page: found };
  return sanitizeDiscovery(connectors.kafka, pageSize, outcome, createSecretScrubber(connectors.kafka, config));
};

test("names and facts are cut, and lose their control characters", () => {
  const { page } = tidy({
    resources: [
      { kind: "topic", name: `a\u001b[31m${"b".repeat(2000)}`, facts: { "par\u0000t": `\n${"c".repeat(500)}` } },
    ],
  });
  expect(page.resources).toEqual([
    { kind: "topic", name: `a [31m${"b".repeat(1018)}`, container: false, facts: { "par t": ` ${"c".repeat(199)}` } },
  ]);
});

test("there are no more resources than were asked for, and a bounded number of facts", () => {
  const facts = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, "x"]));
  const { page } = tidy({ resources: Array.from({ length: 50 }, () => ({ name: "t", facts })) }, 3);
  expect(page.resources).toHaveLength(3);
  expect(Object.keys(page.resources[0]?.facts ?? {})).toHaveLength(32);
});

test("a next page that is named in too long a text fails the discovery", () => {
  expect(tidy({ nextCursor: "x".repeat(2998) }).error).toBe(false);
  const outcome = tidy({ nextCursor: "x".repeat(2999), resources: [{ name: "t" }] });
  expect(outcome).toMatchObject({ error: true, page: { resources: [], nextCursor: "" } });
  expect(outcome.message).toContain("TOO_MUCH_DATA");
});

test("a secret that comes back is not shown: a resource loses its name, a fact its value, and no page follows", () => {
  const encoded = Buffer.from(`ann:${secret}`).toString("base64");
  const facts = { owner: encoded, size: "1" };
  const { page } = tidy({ resources: [{ kind: "topic", name: `a-${secret}`, container: true, facts }] });
  expect(page.resources).toEqual([
    { kind: "topic", name: "[redacted]", container: false, facts: { owner: "[redacted]", size: "1" } },
  ]);
  // The cut would have gone through it.
  const long = `${"b".repeat(1010)}${secret}`;
  expect(tidy({ resources: [{ name: long }] }).page.resources).toMatchObject([{ name: "[redacted]" }]);
  const outcome = tidy({ nextCursor: encoded, resources: [{ name: "t" }] });
  expect(outcome).toMatchObject({ error: true, page: { resources: [], nextCursor: "" } });
  expect(outcome.message).toContain("SECRET_ECHOED");
});
