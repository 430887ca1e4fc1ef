import type { Socket } from "node:net";
import type { TlsConfig } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { Target } from "../../egress/egress-policy.ts";
import { endpointName, type Probe } from "../connector.ts";

/** Opens all of them and keeps the first in their order; those that fail are warnings as long as one does not. */
export async function openFirst(
  targets: readonly Target[],
  { field, tls }: { readonly field: string; readonly tls: TlsConfig | undefined },
  probe: Probe,
): Promise<{ readonly target: Target; readonly socket: Socket }> {
  const outcomes = await Promise.allSettled(targets.map((target) => probe.open({ ...target, field, tls })));
  const opened = targets.flatMap((target, index) => {
    const outcome = outcomes[index];
    return outcome?.status === "fulfilled" ? [{ target, socket: outcome.value }] : [];
  });
  const [first, ...spare] = opened;
  if (first === undefined) throw outcomes.find((outcome) => outcome.status === "rejected")?.reason;
  for (const { socket } of spare) socket.destroy();
  for (const [index, { status }] of outcomes.entries()) {
    const target = targets[index];
    if (status === "rejected" && target !== undefined) probe.forgive(endpointName(target));
  }
  return first;
}
