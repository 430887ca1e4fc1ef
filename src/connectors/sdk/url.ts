import type { Target } from "../../egress/egress-policy.ts";

/** Where a URL of `http`, `https`, `ws` or `wss` leads to: an IPv6 address without brackets, the scheme's port when it names none. */
export function urlTarget({ hostname, port, protocol }: URL): Target {
  const usual = isEncrypted({ protocol }) ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? usual : Number(port) };
}

/** True for `https` and `wss`. */
export function isEncrypted({ protocol }: Pick<URL, "protocol">): boolean {
  return protocol === "https:" || protocol === "wss:";
}

/** The targets of a URL from a configuration; none when it is empty or cannot be read, which `check` tells. */
export function urlTargets(text: string): readonly Target[] {
  const url = URL.parse(text);
  return url === null ? [] : [urlTarget(url)];
}

/** The path of a URL to append to: without the slashes at its end. */
export function basePath({ pathname }: URL): string {
  return pathname.replace(/\/+$/, "");
}

/** A URL to show: a query can hold what is nobody's business. */
export function withoutQuery(text: string): string {
  return text.replace(/[?#].*$/s, "");
}
