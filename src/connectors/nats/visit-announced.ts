import { endpointName, type Probe, ProbeError } from "../connector.ts";
import { maxTargets } from "../open-first.ts";
import { parseNatsServers } from "./nats-servers.ts";
import type { NatsTarget } from "./open-nats-target.ts";
import { openServer } from "./open-server.ts";

const note = "a server of the cluster sends its clients to this address (connect_urls)";

/**
 * Reaches the servers that the one we are logged in to announces. One that cannot be reached is a warning: the others
 * work. One where this service may not dial is a failure, because clients would be led there.
 */
export async function visitAnnounced({ server, configured }: NatsTarget, probe: Probe): Promise<void> {
  const announced = parseNatsServers(server.greeting.others.join(","))
    .filter((address) => !configured.has(endpointName(address)))
    .slice(0, maxTargets);
  const visits = announced.map(async (address) => {
    try {
      (await openServer(address, { tls: server.tls, note }, probe)).socket.destroy();
    } catch (error) {
      if (!(error instanceof ProbeError) || error.code === "EGRESS_DENIED" || probe.signal.aborted) throw error;
      probe.forgive(endpointName(address));
    }
  });
  const failed = (await Promise.allSettled(visits)).find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
