import { readFileSync } from "node:fs";

/**
 * The names to ask for, in order, when a caller writes `host`: with the search domains of resolv.conf(5), which
 * container platforms rely on. A name with fewer dots than `ndots` is looked for in the domains first, one with a
 * dot at its end nowhere else. A file that cannot be read has no domains. The names have no dot at their end.
 */
export function searchedNames(host: string, file: string): readonly string[] {
  const name = host.replace(/\.$/, "");
  if (host.endsWith(".")) return [name];
  const { domains, ndots } = readSearch(file);
  const below = domains.map((domain) => (domain === "" ? name : `${name}.${domain}`));
  const dots = name.split(".").length - 1;
  return [...new Set(dots >= ndots ? [name, ...below] : [...below, name])];
}

/** The limit on `ndots` that resolv.conf(5) has. */
const maxNdots = 15;

function readSearch(file: string) {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // As without search domains.
  }
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    // The last one of either counts.
    if (keyword === "search" || keyword === "domain") domains = values.map((value) => value.replace(/\.$/, ""));
    if (keyword !== "options") continue;
    for (const value of values) {
      const given = /^ndots:(\d+)$/.exec(value)?.[1];
      if (given !== undefined) ndots = Math.min(Number(given), maxNdots);
    }
  }
  return { domains, ndots };
}
