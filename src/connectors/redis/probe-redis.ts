import type { RedisConfig } from "../../../gen/connectory/v1/redis_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { Target } from "../../egress/egress-policy.ts";
import { connectFirstReachable, maxTargets } from "../sdk/connect-first-reachable.ts";
import type { Probe } from "../sdk/connector.ts";
import { connectToNode, type RedisNode } from "./connect.ts";
import { inspectServer } from "./inspect-server.ts";
import { logInRedis } from "./log-in.ts";
import { judgePing, pingRedis, warningOf } from "./ping.ts";
import { addressField, redisAddresses, redisTls } from "./redis-address.ts";

/**
 * Logs in to the server, or to the first reachable node of a cluster, reads its description, and connects to the nodes that the
 * cluster announces, to which clients are sent. Reads no key and writes nothing. Rejects with a ProbeError.
 */
export async function probeRedis(config: RedisConfig, probe: Probe): Promise<void> {
  const field = addressField(config);
  const where = { field, tls: redisTls(config) };
  const openAnnounced = (target: Target) => probe.open({ ...target, ...where, note: announced });
  const reach = async (target: Target) => {
    const node = connectToNode(target, await openAnnounced(target), config, probe);
    try {
      await logInRedis(node, config);
      await answerPing(node);
    } finally {
      node.close();
    }
  };

  const openConfigured = async (address: Target) => ({ socket: await probe.open({ ...address, ...where }) });
  const { target, socket } = await connectFirstReachable(redisAddresses(config), openConfigured, probe);
  const node = connectToNode(target, socket, config, probe);
  try {
    await logInRedis(node, config);
    const others = await inspectServer(node, config, probe);
    await Promise.all(others.slice(0, maxTargets).map(reach));
  } catch (error) {
    // The test has failed and does not continue at the redirect's target; its reachability is tested like that of any announced
    // address.
    if (node.redirected !== undefined) (await openAnnounced(node.redirected)).destroy();
    throw error;
  } finally {
    node.close();
  }
}

const announced = "the server sends its clients to this address (cluster-announce-ip, cluster-announce-port)";

async function answerPing(node: RedisNode): Promise<void> {
  const answer = await node.step(TestStage.AUTHORIZE, () => pingRedis(node));
  await node.step(TestStage.CAPABILITY, async () => judgePing(answer), warningOf(answer));
}
