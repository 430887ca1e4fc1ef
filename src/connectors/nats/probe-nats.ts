import type { NatsConfig } from "../../../gen/connectory/v1/nats_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { probeClusterUrls } from "./probe-cluster-urls.ts";
import { selectServer } from "./select-server.ts";
import { verifyPermissions } from "./verify-permissions.ts";

/**
 * Connects to the servers, logs in to the first reachable one, reads the user's permissions, and connects to the announced
 * servers, which clients use when it is down. Publishes one empty message, the request to the server; of other clients only a
 * subscriber to everything in the account (`>`) receives it. Rejects with a ProbeError.
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
