import { Agent } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Endpoint, endpointName, type Probe } from "../connector.ts";

export interface HttpAgentOptions extends Pick<Endpoint, "field" | "note" | "tls"> {
  /** A socket that was opened already, to use when its address is asked for: so that opening it is no part of a request's step. */
  readonly first?: Opened | undefined;
}

interface Opened {
  readonly host: string;
  readonly port: number;
  readonly socket: Socket;
}

/**
 * An agent for libraries that make their requests with `node:http` or `node:https`: its connections come from
 * `probe.open`, which resolves, asks the egress policy, connects and does TLS. One connection at a time, kept for the
 * next request to the same place. Whoever makes it calls `destroy()` at the end.
 */
export function createHttpAgent(probe: Probe, { field, note, tls, first }: HttpAgentOptions): Agent {
  let ready = first;
  const open = async (address: { host: string; port: number }) => {
    if (ready === undefined || endpointName(ready) !== endpointName(address))
      return probe.open({ ...address, field, note, tls });
    const { socket } = ready;
    ready = undefined;
    return socket;
  };
  // Proxies are for agents that are told of them, which this one is not.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return Object.assign(agent, {
    // What `node:https` and `node:http` expect of an agent: TLS is on the socket already.
    protocol: tls === undefined ? "http:" : "https:",
    defaultPort: tls === undefined ? 80 : 443,
    createConnection: (
      { host, port }: { host?: string | null; port?: string | number | null },
      done: (error: Error | null, stream: Duplex) => void,
    ) => {
      // Node takes an error without a stream, unlike its type.
      const fail = (error: unknown) => (done as (error: unknown) => void)(error);
      open({ host: host ?? "", port: Number(port) }).then((socket) => done(null, socket), fail);
      return undefined;
    },
  });
}
