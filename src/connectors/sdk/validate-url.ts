import { isIP } from "node:net";
import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";
import { looksLikeSecretName } from "./secret-name-heuristic.ts";

/**
 * Returns the violations of a URL in a configuration field, without a connection; none for an empty text, which `required`
 * covers. `schemes` have no colon: `["http", "https"]`. A URL is stored and shown unchanged, so it must not hold a secret.
 */
export function validateUrl(field: string, text: string, schemes: readonly string[]): readonly FieldViolation[] {
  if (text === "") return [];
  const violation = (description: string) => [{ field, description }];
  // The URL parser drops or converts these characters, so the displayed URL would differ from the dialled one.
  if (/[\s\p{C}\\]/u.test(text)) return violation("must not hold blanks, control characters or backslashes");
  const url = URL.parse(text);
  const port = /^[a-z+.-]+:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(text)?.[1];
  if (url === null && Number(port) > 65_535) return violation(`has the port ${port}: ports are 1 to 65535`);
  const example = `${schemes[0]}://host.example`;
  if (url === null || !schemes.includes(url.protocol.slice(0, -1)) || !/^[a-z+.-]+:\/\//i.test(text))
    return violation(`must be a URL with ${schemes.join(", ")}, such as ${example}`);
  if (url.hostname === "") return violation(`must name a host, such as ${example}`);
  if (!isHost(url.hostname.replace(/^\[|\]$/g, "")) || !isAsShown(text, url.hostname))
    return violation(`the host ${hostExpected}`);
  if (url.username !== "" || url.password !== "" || authorityOf(text).includes("@"))
    return violation("must not hold a user or password: they have fields of their own");
  if (url.port === "0") return violation("has the port 0: ports are 1 to 65535");
  if (text.includes("#")) return violation("must not have a fragment (#)");
  if ([...url.searchParams.keys()].some(looksLikeSecretName))
    return violation("has a query parameter that looks like a secret, and a URL is shown as it is: leave it out");
  return [];
}

/**
 * The URL parser decodes percent escapes, and converts `127.1`, `0x7f000001` and digits of other alphabets into IPv4 addresses.
 */
function isAsShown(text: string, host: string): boolean {
  const authority = authorityOf(text);
  return !authority.includes("%") && (isIP(host) !== 4 || authority.replace(/^.*@|:\d*$/g, "") === host);
}

function authorityOf(text: string): string {
  return /^[^:]*:\/\/([^/?#]*)/.exec(text)?.[1] ?? "";
}
