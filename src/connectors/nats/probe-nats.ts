import type { NatsConfig } from "../../../gen/connectory/v1/nats_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { probeClusterUrls } from "./probe-cluster-urls.ts";
import { selectServer } from "./select-server.ts";
import { verifyPermissions } from "./verify-permissions.ts";

/**
 * Reaches the servers, logs in to the first that answers, asks it what the user may do, and reaches the servers that it
 * announces, because clients go there when it is down. Publishes one empty message, the question to the server, which only a
 * client that subscribes to everything in the account (`>`) hears too.
 */
export async function probeNats(config: NatsConfig, probe: Probe): Promise<void> {
  const target = await selectServer(config, probe);
  const { session, step } = target;
  try {
    await verifyPermissions(target, probe);
    const roundTrip = () => session.unlessClosed(session.connection.rtt());
    probe.fact("round_trip_ms", String(await probe.step(step(TestStage.CAPABILITY, "servers"), roundTrip)));
    await probeClusterUrls(target, probe);
  } finally {
    await session.connection.close();
  }
}
