import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";

/**
 * Returns the violations of a host in a configuration field, without a connection; none for an empty text, which `required`
 * covers.
 */
export function validateHost(field: string, host: string): readonly FieldViolation[] {
  return host === "" || isHost(host) ? [] : [{ field, description: hostFault(host) }];
}

/**
 * Returns what is wrong with a text that is no host, to follow the name of its field, with the correction where one is
 * obvious: a URL, an address with its port, brackets or blanks around it.
 */
export function hostFault(text: string): string {
  if (text.includes("@")) return "must be a host alone: the user and the password have fields of their own";
  const { rest = text } =
    /^\s*(?:[a-z][a-z0-9+._-]*:\/\/)?(?<rest>[^/?#\s]*)[/?#]?[^\s]*\s*$/i.exec(text)?.groups ?? {};
  const { host = rest, port } = /^(?<host>\[.*\]|[^:]*):(?<port>\d*)$/.exec(rest)?.groups ?? {};
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (bare === text || !isHost(bare)) return hostExpected;
  return port === undefined || port === ""
    ? `must be a host alone: ${bare}`
    : `must be a host alone, without its port: ${bare}, and ${port} as the port`;
}
