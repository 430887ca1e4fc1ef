import type { ITopicMetadata } from "kafkajs";
import type { DiscoveredPage, DiscoveryRequest, Probe } from "../sdk/connector.ts";
import type { KafkaAccess } from "./kafka-access.ts";
import { probeBrokers } from "./probe-brokers.ts";

/** The topics that the user may describe, by name; a topic has nothing inside. The cursor is the last name of a page. */
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

/** Topics that begin with `_` are internal, of Kafka itself or of what runs on it. No topic has a name of another form. */
export function isListed({ name }: ITopicMetadata): boolean {
  return /^[A-Za-z0-9.-][A-Za-z0-9._-]{0,248}$/.test(name ?? "");
}
