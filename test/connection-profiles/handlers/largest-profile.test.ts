import { rootCertificates } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { maxConfigBytes } from "../../../src/connection-profiles/config/validate-config.ts";
import type { StoredEvent } from "../../../src/events/log/event.ts";
import { toCloudEvents } from "../../../src/events/publisher/cloud-events.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

/** What a broker takes unless it is told otherwise (`message.max.bytes`), less what a batch of one message has of its own. */
const kafkaTakes = 1_048_588 - 2048;

/** The certificates of authorities, as long as those that Debian brings along in one file. */
function bundleOf(bytes: number): string {
  const all = [...rootCertificates, ...rootCertificates].join("\n");
  return `${all.slice(0, all.lastIndexOf("-----BEGIN", bytes - 100))}# ${"x".repeat(90)}\n`;
}

const http = (ca: string, headers: Record<string, string> = {}) => ({
  connector: { case: "http" as const, value: { url: "https://a.example", tls: { ca }, headers } },
});

test("the bundle of authorities that systems bring along is kept", async () => {
  const ca = bundleOf(219_597);
  expect(ca.length).toBeGreaterThan(215_000);
  const { connectionProfile } = await service
    .clientOf("bundle")
    .createConnectionProfile({ name: "a", config: http(ca) });
  expect(connectionProfile?.config?.connector.value).toMatchObject({ tls: { ca } });
});

test("the events of the largest profile that is kept are taken by Kafka as it comes", async () => {
  const client = service.clientOf("largest");
  const largest = (mark: string) => {
    const labels = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`${mark}${index}`.padEnd(63, "a"), "\u{1f9d1}".repeat(63)]),
    );
    const headers = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`${mark}${index}`.padEnd(128, "a"), "value"]),
    );
    const empty = JSON.stringify({ http: { url: "https://a.example", tls: { ca: "" }, headers: emptied(headers) } });
    const certificate = `${rootCertificates[0]}\n`;
    const room = maxConfigBytes - empty.length - JSON.stringify(certificate).length - 100;
    return { labels, name: mark.repeat(100), config: http(`${certificate}${mark.repeat(room)}`, headers) };
  };
  const { connectionProfile } = await client.createConnectionProfile(largest("a"));
  await client.updateConnectionProfile({
    id: connectionProfile?.id ?? "",
    ...largest("b"),
    updateMask: { paths: ["name", "labels", "config"] },
  });
  const rows = await service.knex("event").where({ organization_id: "largest", type: "connection-profile.updated" });
  const [row] = rows as { type: StoredEvent["type"]; data: StoredEvent["data"]; id: string; subject: string }[];
  const event = { ...row, organizationId: "largest", occurredAt: new Date(), traceparent: null, tracestate: null };
  const sizes = toCloudEvents(event as StoredEvent, "").map(({ value }) => Buffer.byteLength(value ?? ""));
  expect(Math.max(...sizes)).toBeGreaterThan(4 * 220_000);
  expect(Math.max(...sizes)).toBeLessThan(kafkaTakes);
});

function emptied(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, ""]));
}
