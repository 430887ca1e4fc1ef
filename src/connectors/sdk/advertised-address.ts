import type { Target } from "../../egress/egress-policy.ts";
import { isHost } from "../../egress/is-host.ts";

/**
 * Returns true when an address announced by a server is valid. Names in other alphabets are not: the resolver would convert
 * them into a name that the egress rules did not check.
 */
export function isValidAdvertisedAddress({ host, port }: Target): boolean {
  return isHost(host) && Number.isInteger(port) && port >= 1 && port <= 65_535;
}
