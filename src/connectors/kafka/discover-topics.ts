import type { ITopicMetadata } from "kafkajs";
import type { DiscoveredPage, DiscoveryRequest, Probe } from "../sdk/connector.ts";
import type { KafkaAccess } from "./kafka-access.ts";
import { probeBrokers } from "./probe-brokers.ts";

/**
 * Returns the topics that the user may describe, by name; a topic is not a container. The cursor is the last name of a page.
 * Rejects with a ProbeError.
 */
export async function discoverTopics(
  access: KafkaAccess,
  probe: Probe,
  { parent, pageSize, cursor }: DiscoveryRequest,
): Promise<DiscoveredPage> {
  const topics = await probeBrokers(access, probe, async (visit) => visit.topics);
  if (parent !== "") return { resources: [], nextCursor: "" };
  const rest = topics
    .filter(isListed)
    .filter(({ name }) => name > cursor)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = rest.slice(0, pageSize);
  return {
    resources: page.map(({ name, partitions }) => ({
      kind: "topic",
      name,
      facts: { partitions: `${partitions.length}`, replicas: `${partitions[0]?.replicas.length ?? 0}` },
    })),
    nextCursor: rest.length > page.length ? (page.at(-1)?.name ?? "") : "",
  };
}

/** Returns false for topics whose name begins with `_`, which are internal to Kafka or to its tools, and for invalid names. */
export function isListed({ name }: ITopicMetadata): boolean {
  return /^[A-Za-z0-9.-][A-Za-z0-9._-]{0,248}$/.test(name ?? "");
}
