import { isLoopback } from "../../config/env-reader.ts";

/**
 * Whether a web page of this origin may call. A browser says of which origin a page is, other clients say nothing. Besides
 * the listed origins there is only the page that this machine itself serves under a name that nobody else can have: a name
 * of somebody else's can be made to lead here behind the browser's back.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  corsOrigins: readonly string[],
): boolean {
  if (origin === undefined || corsOrigins.includes("*") || corsOrigins.includes(origin)) return true;
  const url = URL.parse(origin);
  return url !== null && url.host === host && isLoopback(url.hostname.replace(/^\[|\]$/g, ""));
}
