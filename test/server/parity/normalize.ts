import type { JsonValue } from "@bufbuild/protobuf";

const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const profileId = /\bcp_[0-9A-Za-z]{10,64}\b/g;
const instant = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\b/g;

/**
 * A transcript without what differs between two runs of the same calls: ids by the order in which they appear, so that what
 * refers to what still shows; times, durations and opaque tokens by their kind.
 */
export function normalize(transcript: JsonValue): JsonValue {
  const seen = new Map<string, string>();
  const named = (kind: string) => (found: string) => {
    const name = seen.get(found) ?? `<${kind} ${seen.size + 1}>`;
    seen.set(found, name);
    return name;
  };
  const opaque = new Set(["etag", "fingerprint"]);
  const walk = (value: JsonValue, key: string): JsonValue => {
    if (Array.isArray(value)) return value.map((one) => walk(one, key));
    if (value !== null && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, walk(inner, name)]));
    if (typeof value !== "string") return value;
    if (key === "nextPageToken") return value === "" ? "" : "<page token>";
    if (key === "duration") return "<duration>";
    if (opaque.has(key) && value !== "") return named(key)(value);
    return value
      .replaceAll(uuid, named("uuid"))
      .replaceAll(profileId, named("profile"))
      .replaceAll(instant, "<time>")
      .replaceAll(/\b\d+ ms\b/g, "<ms>");
  };
  return walk(transcript, "");
}
