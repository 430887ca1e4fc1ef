import { isIP } from "node:net";
import { hostExpected, isHost } from "../../egress/is-host.ts";
import type { FieldViolation } from "../../errors/api-error.ts";
import { looksLikeSecretName } from "./secret-name-heuristic.ts";

/**
 * What is wrong with the URL in a configuration field, found without dialling anybody; nothing for an empty text, which
 * `required` is for. `schemes` are without the colon: `["http", "https"]`. A URL is stored and shown as it is: what
 * could be a secret has no place in it.
 */
export function validateUrl(field: string, text: string, schemes: readonly string[]): readonly FieldViolation[] {
  if (text === "") return [];
  const violation = (description: string) => [{ field, description }];
  // The parser of URLs drops or turns these around: what is shown would not be what is dialled.
  if (/[\s\p{C}\\]/u.test(text)) return violation("must not hold blanks, control characters or backslashes");
  const url = URL.parse(text);
  const example = `${schemes[0]}://host.example`;
  if (url === null || !schemes.includes(url.protocol.slice(0, -1)) || !/^[a-z+.-]+:\/\//i.test(text))
    return violation(`must be a URL with ${schemes.join(", ")}, such as ${example}`);
  if (url.hostname === "") return violation(`must name a host, such as ${example}`);
  if (!isHost(url.hostname.replace(/^\[|\]$/g, "")) || !isAsShown(text, url.hostname))
    return violation(`the host ${hostExpected}`);
  if (url.username !== "" || url.password !== "" || authorityOf(text).includes("@"))
    return violation("must not hold a user or password: they have fields of their own");
  if (url.port === "0") return violation("0 is not a port: 1 to 65535");
  if (text.includes("#")) return violation("must not have a fragment (#)");
  if ([...url.searchParams.keys()].some(looksLikeSecretName))
    return violation("has a query parameter that looks like a secret, and a URL is shown as it is: leave it out");
  return [];
}

/** The parser of URLs decodes percents, and makes IPv4 addresses of `127.1`, `0x7f000001` and digits of other alphabets. */
function isAsShown(text: string, host: string): boolean {
  const authority = authorityOf(text);
  return !authority.includes("%") && (isIP(host) !== 4 || authority.replace(/^.*@|:\d*$/g, "") === host);
}

function authorityOf(text: string): string {
  return /^[^:]*:\/\/([^/?#]*)/.exec(text)?.[1] ?? "";
}
