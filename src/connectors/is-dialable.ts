import type { Target } from "../egress/egress-policy.ts";

/**
 * Whether an address that a server announces is one at all. Names in other alphabets are not: the resolver would make another
 * name of them than the one that the egress rules have seen.
 */
export function isDialable({ host, port }: Target): boolean {
  return /^[A-Za-z0-9._:-]{1,253}$/.test(host) && Number.isInteger(port) && port >= 1 && port <= 65_535;
}
