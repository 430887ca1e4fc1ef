import type { Socket } from "node:net";

/** How many connections a port takes at once. */
export interface ConnectionLimits {
  readonly total: number;
  /** Of one IPv4 address, or of one /64 network of IPv6, which is what one caller has of it. */
  readonly perAddress: number;
}

/** Takes a new connection in, or closes it and answers false. One that was taken in counts until it is closed. */
export type AdmitConnection = (socket: Socket) => boolean;

/**
 * Bounds the connections of a port, because each holds a file descriptor from the moment on at which it is made. A port asks
 * before it reads or writes anything.
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

/** What connections are counted by: an IPv4 address, in whichever form, or the first half of an IPv6 address. */
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
