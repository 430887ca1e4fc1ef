import type { FieldViolation } from "../../../errors/api-error.ts";

/** Headers of the connection and of message framing (RFC 9110, 7.6.1), and those that determine the destination. */
const ofTheProtocol = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Returns the violations of the headers of a configuration. `loggedIn`: the configuration has a log-in, which sets its own
 * header.
 */
export function validateHttpHeaders(
  headers: Readonly<Record<string, string>>,
  { loggedIn }: { readonly loggedIn: boolean },
): readonly FieldViolation[] {
  const names = Object.keys(headers);
  const lower = names.map((name) => name.toLowerCase());
  return names.flatMap((name, index) => {
    const own = lower[index] ?? "";
    const field = `headers[${JSON.stringify(name)}]`;
    const violations: FieldViolation[] = [];
    const report = (description: string) => violations.push({ field, description });
    if (ofTheProtocol.has(own) || own.startsWith("sec-websocket-")) report("is set by the protocol itself");
    if (own === "authorization" && loggedIn) report("is made by the log-in: leave one of the two out");
    if (lower.indexOf(own) < index) report("is there twice: names of headers do not tell case apart");
    if (!isValue(headers[name] ?? "")) report("must not hold line ends, control characters or text outside of Latin-1");
    return violations;
  });
}

function isValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
