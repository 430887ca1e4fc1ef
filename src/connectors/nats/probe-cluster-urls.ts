import { maxTargets } from "../sdk/connect-first-reachable.ts";
import { endpointName, type Probe, ProbeError } from "../sdk/connector.ts";
import { connectToServer } from "./connect.ts";
import { parseNatsServers } from "./nats-servers.ts";
import type { NatsTarget } from "./select-server.ts";

const note = "a server of the cluster sends its clients to this address (connect_urls)";

/**
 * Connects to the servers that the current server announces. An unreachable one is a warning, because the others work. One that
 * the egress policy denies is a failure, because clients would be sent there.
 */
export async function probeClusterUrls({ server, configured }: NatsTarget, probe: Probe): Promise<void> {
  const announced = parseNatsServers(server.greeting.others.join(","))
    .filter((address) => !configured.has(endpointName(address)))
    .slice(0, maxTargets);
  const visits = announced.map(async (address) => {
    try {
      (await connectToServer(address, { tls: server.tls, note }, probe)).socket.destroy();
    } catch (error) {
      if (!(error instanceof ProbeError) || error.code === "EGRESS_DENIED" || probe.signal.aborted) throw error;
      probe.downgradeToWarning(endpointName(address));
    }
  });
  const failed = (await Promise.allSettled(visits)).find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
