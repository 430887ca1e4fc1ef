import { isLoopback } from "../../config/env-reader.ts";

/**
 * Returns whether a web page of this origin may call. Browsers send the origin of a page, other clients do not. Besides the
 * listed origins only a page of this server under a loopback name is allowed: any other name can be made to resolve to this
 * server (DNS rebinding).
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
