import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";

/** What is wrong with a host in a configuration field, found without dialling anybody; nothing for an empty text, which `required` is for. */
export function validateHost(field: string, host: string): readonly FieldViolation[] {
  return host === "" || isHost(host) ? [] : [{ field, description: hostExpected }];
}
