import { readFileSync } from "node:fs";
import { isIP } from "node:net";

const loopback: readonly string[] = ["127.0.0.1", "::1"];

/**
 * The addresses that this machine itself knows for a name (lower case, no dot at its end): those of its hosts file
 * (hosts(5)), IPv4 first; for `localhost` and the names below it those of `localhost`, which RFC 6761 (6.3) makes
 * loopback without an entry too. Empty when it has none; a file that cannot be read has no entries.
 */
export function readHosts(name: string, file: string): readonly string[] {
  const entries = parse(file);
  const isLocal = name === "localhost" || name.endsWith(".localhost");
  const listed = addressesOf(entries, name);
  if (listed.length > 0 || !isLocal) return listed;
  const local = addressesOf(entries, "localhost");
  return local.length > 0 ? local : loopback;
}

interface Entry {
  readonly address: string;
  readonly names: readonly string[];
}

/** Read in one go, not through libuv's threads: this must work while all of those wait for something. */
function parse(file: string): readonly Entry[] {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().toLowerCase().split(/\s+/);
    // An address with a zone (`fe80::1%lo0`, macOS has it for localhost) is never dialled.
    const usable = isIP(address) !== 0 && !address.includes("%");
    return usable ? [{ address, names: names.map((name) => name.replace(/\.$/, "")) }] : [];
  });
}

function addressesOf(entries: readonly Entry[], name: string): readonly string[] {
  const found = entries.filter(({ names }) => names.includes(name)).map(({ address }) => address);
  return [...new Set(found)].sort((one, other) => isIP(one) - isIP(other));
}
