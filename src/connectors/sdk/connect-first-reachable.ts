import type { Socket } from "node:net";
import type { Target } from "../../egress/egress-policy.ts";
import { endpointName, type Probe } from "./connector.ts";

/**
 * The maximum number of addresses of one kind, configured or announced, that one test dials, so that it cannot serve as a port
 * scanner.
 */
export const maxTargets = 16;

/**
 * Opens at most 16 of the configured addresses, and returns the first one in their order that opens; the other sockets are
 * destroyed. Failed addresses become warnings. Rejects with the first failure when none opens.
 */
export async function connectFirstReachable<Place extends Target, Opened extends { readonly socket: Socket }>(
  configured: readonly Place[],
  open: (target: Place) => Promise<Opened>,
  probe: Probe,
): Promise<Opened & { readonly target: Place }> {
  const targets = configured.slice(0, maxTargets);
  const outcomes = await Promise.allSettled(targets.map(async (target) => ({ ...(await open(target)), target })));
  const [first, ...spare] = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  if (first === undefined) throw outcomes.find((outcome) => outcome.status === "rejected")?.reason;
  for (const { socket } of spare) socket.destroy();
  for (const [index, target] of targets.entries())
    if (outcomes[index]?.status === "rejected") probe.downgradeToWarning(endpointName(target));
  return first;
}
