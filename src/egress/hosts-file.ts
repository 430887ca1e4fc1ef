import { readFileSync } from "node:fs";
import { isIP } from "node:net";

const loopback: readonly string[] = ["127.0.0.1", "::1"];

/** The entries of the hosts file for a name. */
interface LocalName {
  readonly addresses: readonly string[];
  /** The name, then every other name on its lines: each is an alias of the first name of its line. */
  readonly names: readonly string[];
}

/**
 * Returns the addresses that the hosts file (hosts(5)) has for a name (lower case, without a final dot), IPv4 first.
 * `localhost` and the names below it use the addresses of `localhost`, which RFC 6761 (6.3) defines as loopback without an
 * entry too. The result is empty for other names without an entry; an unreadable file has no entries.
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

/** The read is synchronous, because libuv's threads can all be busy. */
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
