import { type DiscoveredPage, ProbeError } from "../sdk/connector.ts";

/** A page of the streams of an account. */
export interface StreamList {
  /** The total number of streams. */
  readonly total: number;
  readonly streams: DiscoveredPage["resources"];
}

/** JetStream's codes for an account without it. */
const notEnabled = [10_039, 10_076];

/** Returns the content of a response to `$JS.API.STREAM.LIST`; undefined when the account has no JetStream. */
export function readStreamList(answer: Uint8Array | undefined): StreamList | undefined {
  if (answer === undefined) return undefined;
  const { error, total, streams } = parse(answer);
  if (typeof error === "object" && error !== null) {
    if (notEnabled.includes(Number(Reflect.get(error, "err_code")))) return undefined;
    throw new ProbeError(
      "JETSTREAM_FAILED",
      "JetStream could not list its streams: it may be starting, or have no leader",
    );
  }
  // The list is null for an account without streams.
  const list: unknown[] = Array.isArray(streams) ? streams : [];
  return { total: typeof total === "number" ? total : 0, streams: list.flatMap(readStream) };
}

function readStream(stream: unknown): DiscoveredPage["resources"] {
  const { config, state } = objectOf(stream);
  const { name, subjects, storage, retention } = objectOf(config);
  const { messages, bytes } = objectOf(state);
  if (typeof name !== "string") return [];
  const listed = Array.isArray(subjects) ? subjects.map(String).join(" ") : "";
  const facts = { subjects: listed, messages, bytes, storage, retention };
  const reported = Object.entries(facts).flatMap(([key, value]) =>
    typeof value === "string" || typeof value === "number" ? [[key, String(value)] as const] : [],
  );
  return [{ kind: "stream", name, container: false, facts: Object.fromEntries(reported) }];
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  try {
    return objectOf(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw new ProbeError("NOT_A_NATS_SERVER", "what answered for JetStream does not speak its language", "servers");
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
