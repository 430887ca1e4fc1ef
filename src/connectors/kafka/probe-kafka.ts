import type { ITopicMetadata } from "kafkajs";
import { probeSchemaRegistry } from "../schema-registry/probe-schema-registry.ts";
import type { Probe } from "../sdk/connector.ts";
import { isListed } from "./discover-topics.ts";
import type { KafkaAccess } from "./kafka-access.ts";
import { probeBrokers } from "./probe-brokers.ts";

/**
 * Logs in to a cluster, reads its description, and connects to the addresses that its brokers advertise, which clients will
 * use; then tests the schema registry. Writes nothing and creates no topic. Rejects with a ProbeError.
 */
export async function probeKafka(access: KafkaAccess, probe: Probe): Promise<void> {
  await probeBrokers(access, probe, async ({ admin, topics, capability, reach }) => {
    const warning = topics.some(isWithoutLeader) ? withoutLeader : undefined;
    const cluster = await probe.step({ ...capability, warning }, () => admin.describeCluster());
    probe.fact("brokers", String(cluster.brokers.length));
    probe.fact("controller", String(cluster.controller ?? ""));
    // Brokers before 0.10.1 have no cluster id.
    probe.fact("cluster_id", String(cluster.clusterId ?? ""));
    probe.fact("topics", String(topics.filter(isListed).length));
    await reach(cluster.brokers);
  });
  const { schemaRegistry } = access;
  if (schemaRegistry !== undefined) await probeSchemaRegistry(schemaRegistry, probe, "schema_registry.");
}

const withoutLeader = {
  code: "PARTITIONS_WITHOUT_LEADER",
  hint: "some partitions can be neither read nor written now",
};

function isWithoutLeader({ partitions }: ITopicMetadata): boolean {
  return partitions.some(({ partitionErrorCode }) => partitionErrorCode !== 0);
}
