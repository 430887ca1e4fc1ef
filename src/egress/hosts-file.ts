import { readFileSync } from "node:fs";
import { isIP } from "node:net";

const loopback: readonly string[] = ["127.0.0.1", "::1"];

/** What this machine itself knows of a name. */
interface LocalName {
  readonly addresses: readonly string[];
  /** The name, then all others of the lines that it is in: each is an alias of the first of its line. */
  readonly names: readonly string[];
}

/**
 * The addresses that this machine itself knows for a name (lower case, no dot at its end): those of its hosts file
 * (hosts(5)), IPv4 first; for `localhost` and the names below it those of `localhost`, which RFC 6761 (6.3) makes
 * loopback without an entry too. Empty when it has none; a file that cannot be read has no entries.
 */
export function readHostsFile(name: string, file: string): LocalName {
  const entries = parse(file);
  const isLocal = name === "localhost" || name.endsWith(".localhost");
  const listed = entriesOf(entries, name, name);
  if (listed.addresses.length > 0 || !isLocal) return listed;
  const local = entriesOf(entries, "localhost", name);
  return local.addresses.length > 0 ? local : { addresses: loopback, names: [name, "localhost"] };
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

function entriesOf(entries: readonly Entry[], entry: string, asked: string): LocalName {
  const found = entries.filter(({ names }) => names.includes(entry));
  const addresses = [...new Set(found.map(({ address }) => address))];
  return {
    addresses: addresses.sort((one, other) => isIP(one) - isIP(other)),
    names: [...new Set([asked, ...found.flatMap(({ names }) => names)])],
  };
}
