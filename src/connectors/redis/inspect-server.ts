import type { RedisConfig } from "../../../gen/connectory/v1/redis_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { Target } from "../../egress/egress-policy.ts";
import { endpointName, type Probe, ProbeError } from "../sdk/connector.ts";
import { clusterNodes } from "./cluster-nodes.ts";
import type { RedisNode } from "./connect.ts";
import { judgePing, pingRedis, warningOf } from "./ping.ts";
import { readInfo, recordRedisFacts } from "./read-info.ts";
import { addressField, redisAddresses } from "./redis-address.ts";

/**
 * Reads the description of a server after the log-in, and compares it with the configuration. Returns the other nodes to which
 * a cluster sends its clients; none for a single server.
 */
export async function inspectServer(node: RedisNode, config: RedisConfig, probe: Probe): Promise<readonly Target[]> {
  const inCluster = addressField(config) === "addresses";
  const database = redisAddresses(config)[0]?.database ?? 0;
  const { answer, slots } = await node.step(TestStage.AUTHORIZE, async () => {
    if (database !== 0) await node.ask("SELECT", database);
    return { answer: await pingRedis(node), slots: inCluster ? await node.ask("CLUSTER", "SLOTS") : [] };
  });
  const examine = async () => {
    judgePing(answer);
    const info = new Map([
      ...(await readInfo(node, "INFO", "server")),
      ...(await readInfo(node, "INFO", "replication")),
      ...(inCluster ? await readInfo(node, "CLUSTER", "INFO") : []),
    ]);
    recordRedisFacts(info, probe);
    if (info.get("redis_mode") === "sentinel") throw new ProbeError(...isSentinel);
    if (info.get("cluster_state") === "fail") throw new ProbeError(...isDown);
    return { mode: info.get("redis_mode"), nodes: clusterNodes(slots, node.at.host) };
  };
  const { mode, nodes } = await node.step(TestStage.CAPABILITY, examine, warningOf(answer));
  if (!inCluster && mode === "cluster") await node.step(TestStage.CAPABILITY, async () => undefined, isCluster);
  return nodes.filter((one) => endpointName(one) !== endpointName(node.at));
}

const isCluster = {
  code: "IS_A_CLUSTER",
  hint: "the server is a node of a cluster and has only a part of the keys: give it as addresses",
};
const isSentinel = [
  "IS_A_SENTINEL",
  "a Sentinel answers there, which keeps no data: give the server's own address",
] as const;
const isDown = ["CLUSTER_DOWN", "the cluster serves nothing: a part of its slots has no master"] as const;
