import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";

/**
 * Returns the violations of a host in a configuration field, without a connection; none for an empty text, which `required`
 * covers.
 */
export function validateHost(field: string, host: string): readonly FieldViolation[] {
  return host === "" || isHost(host) ? [] : [{ field, description: hostExpected }];
}
