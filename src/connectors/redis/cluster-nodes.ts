import type { Target } from "../../egress/egress-policy.ts";
import { isValidAdvertisedAddress } from "../sdk/advertised-address.ts";
import { endpointName, ProbeError } from "../sdk/connector.ts";
import { replyOf } from "./translate-redis-error.ts";

/**
 * Returns the nodes in a response to CLUSTER SLOTS: `[[first, last, [host, port, …], …], …]`, masters and replicas, each once.
 * A node without a host has that of the queried node (`asked`). Throws a ProbeError for an address that cannot be dialled,
 * because the server controls the response.
 */
export function clusterNodes(slots: unknown, asked: string): readonly Target[] {
  const nodes = list(slots).flatMap((range) => list(range).slice(2));
  const targets = nodes.map((node) => {
    const [host, port] = list(node);
    return { host: typeof host === "string" && host !== "" ? host : asked, port: Number(port) };
  });
  if (!targets.every(isValidAdvertisedAddress)) throw new ProbeError("ADDRESS_INVALID", unusable);
  return [...new Map(targets.map((target) => [endpointName(target), target])).values()];
}

const unusable = "the cluster announces a node without a usable address: look at its cluster-announce settings";

/** Returns the target of a MOVED or ASK reply (`MOVED 3999 127.0.0.1:6381`); undefined for other errors. */
export function redirectedNode(error: unknown): Target | undefined {
  const [, host, port] = /^(?:MOVED|ASK) \d+ (\S+):(\d{1,5})$/.exec(replyOf(error)) ?? [];
  if (host === undefined) return undefined;
  const target = { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  return isValidAdvertisedAddress(target) ? target : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
