import type { ITopicMetadata } from "kafkajs";
import type { Probe } from "../connector.ts";
import { testSchemaRegistry } from "../schema-registry/test-schema-registry.ts";
import { isListed } from "./discover-topics.ts";
import type { KafkaAccess } from "./kafka-access.ts";
import { visitCluster } from "./visit-cluster.ts";

/**
 * Logs in to a cluster, reads what it is, and reaches the addresses that its brokers advertise, because that is where
 * clients are sent; then asks the schema registry. Writes nothing, creates no topic.
 */
export async function testKafka(access: KafkaAccess, probe: Probe): Promise<void> {
  await visitCluster(access, probe, async ({ admin, topics, capability, reach }) => {
    const warning = topics.some(isWithoutLeader) ? withoutLeader : undefined;
    const cluster = await probe.step({ ...capability, warning }, () => admin.describeCluster());
    probe.fact("brokers", String(cluster.brokers.length));
    probe.fact("controller", String(cluster.controller ?? ""));
    // Brokers before 0.10.1 have none.
    probe.fact("cluster_id", String(cluster.clusterId ?? ""));
    probe.fact("topics", String(topics.filter(isListed).length));
    await reach(cluster.brokers);
  });
  const { schemaRegistry } = access;
  if (schemaRegistry !== undefined) await testSchemaRegistry(schemaRegistry, probe, "schema_registry.");
}

const withoutLeader = {
  code: "PARTITIONS_WITHOUT_LEADER",
  hint: "some partitions can be neither read nor written now",
};

function isWithoutLeader({ partitions }: ITopicMetadata): boolean {
  return partitions.some(({ partitionErrorCode }) => partitionErrorCode !== 0);
}
