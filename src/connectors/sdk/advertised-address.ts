import type { Target } from "../../egress/egress-policy.ts";
import { isHost } from "../../egress/is-host.ts";

/**
 * Whether an address that a server announces is one at all. Names in other alphabets are not: the resolver would make another
 * name of them than the one that the egress rules have seen.
 */
export function isValidAdvertisedAddress({ host, port }: Target): boolean {
  return isHost(host) && Number.isInteger(port) && port >= 1 && port <= 65_535;
}
