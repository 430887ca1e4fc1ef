import type { Socket } from "node:net";

/** Limits on the concurrent connections of a port. */
export interface ConnectionLimits {
  /** Connections of all callers. */
  readonly total: number;
  /** Connections of one IPv4 address or one IPv6 /64 network, the usual share of one caller. */
  readonly perAddress: number;
}

/** Admits a new connection, which counts until it closes, and returns true; or destroys it and returns false. */
export type AdmitConnection = (socket: Socket) => boolean;

/**
 * Limits the connections of a port, because each holds a file descriptor from its accept on. The port calls the function before
 * it reads or writes.
 */
export function createConnectionLimits({ total, perAddress }: ConnectionLimits): AdmitConnection {
  const counts = new Map<string, number>();
  let open = 0;
  return (socket) => {
    const network = networkOf(socket.remoteAddress ?? "");
    const ofNetwork = counts.get(network) ?? 0;
    if (open >= total || ofNetwork >= perAddress) {
      socket.destroy();
      return false;
    }
    open += 1;
    counts.set(network, ofNetwork + 1);
    socket.once("close", () => {
      open -= 1;
      const left = (counts.get(network) ?? 1) - 1;
      if (left === 0) counts.delete(network);
      else counts.set(network, left);
    });
    return true;
  };
}

/** Returns the key for counting connections: an IPv4 address (IPv4-mapped ones too) or the /64 network of an IPv6 address. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [left = "", right] = address.split("%")[0]?.split("::") ?? [];
  const head = groupsOf(left);
  const tail = right === undefined ? [] : groupsOf(right);
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
