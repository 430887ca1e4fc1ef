import { readFileSync } from "node:fs";

/**
 * Returns the names to query for `host`, in order, without a final dot. Search domains of resolv.conf(5) are applied, because
 * container platforms rely on them: before the name itself when it has fewer dots than `ndots`, and not at all when it ends
 * with a dot. An unreadable file has no search domains.
 */
export function searchedNames(host: string, file: string): readonly string[] {
  const name = host.replace(/\.$/, "");
  if (host.endsWith(".")) return [name];
  const { domains, ndots } = readSearch(file);
  const below = domains.map((domain) => (domain === "" ? name : `${name}.${domain}`));
  const dots = name.split(".").length - 1;
  return [...new Set(dots >= ndots ? [name, ...below] : [...below, name])];
}

/** The maximum of `ndots`, from resolv.conf(5). */
const maxNdots = 15;

function readSearch(file: string) {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // An unreadable file is the same as one without search domains.
  }
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    // The last `search` or `domain` line takes effect.
    if (keyword === "search" || keyword === "domain") domains = values.map((value) => value.replace(/\.$/, ""));
    if (keyword !== "options") continue;
    for (const value of values) {
      const given = /^ndots:(\d+)$/.exec(value)?.[1];
      if (given !== undefined) ndots = Math.min(Number(given), maxNdots);
    }
  }
  return { domains, ndots };
}
