import type { Target } from "../../egress/egress-policy.ts";

/**
 * Returns the host and port of a URL of `http`, `https`, `ws` or `wss`: an IPv6 address without brackets, 443 (encrypted) or 80
 * when the URL has no port.
 */
export function urlTarget({ hostname, port, protocol }: URL): Target {
  const usual = isEncrypted({ protocol }) ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? usual : Number(port) };
}

/** Returns true for `https` and `wss`. */
export function isEncrypted({ protocol }: Pick<URL, "protocol">): boolean {
  return protocol === "https:" || protocol === "wss:";
}

/** Returns the target of a URL in a configuration; empty for an empty or invalid URL, which `validate` reports. */
export function urlTargets(text: string): readonly Target[] {
  const url = URL.parse(text);
  return url === null ? [] : [urlTarget(url)];
}

/** Returns the path of a URL without its final slashes. */
export function basePath({ pathname }: URL): string {
  return pathname.replace(/\/+$/, "");
}

/** Returns a URL for display, without query and fragment, which can hold confidential values. */
export function withoutQuery(text: string): string {
  return text.replace(/[?#].*$/s, "");
}
