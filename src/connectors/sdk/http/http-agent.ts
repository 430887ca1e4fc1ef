import { Agent } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Endpoint, endpointName, type Probe } from "../connector.ts";

/** The options of `createHttpAgent`. */
export interface HttpAgentOptions extends Pick<Endpoint, "field" | "note" | "tls"> {
  /**
   * An open socket for the first request to its address, so that its connection is not part of a request's step. Default: none.
   */
  readonly first?: Opened | undefined;
}

interface Opened {
  readonly host: string;
  readonly port: number;
  readonly socket: Socket;
}

/**
 * Returns an agent for libraries that use `node:http` or `node:https`. Its connections come from `probe.open`, which resolves,
 * checks the egress policy, connects and secures. It keeps one connection at a time, for further requests to the same address.
 * The caller must `destroy()` it.
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
  // This agent has no proxy settings, so it uses no proxy.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return Object.assign(agent, {
    // `node:https` and `node:http` require these properties; the socket has TLS already.
    protocol: tls === undefined ? "http:" : "https:",
    defaultPort: tls === undefined ? 80 : 443,
    createConnection: (
      { host, port }: { host?: string | null; port?: string | number | null },
      done: (error: Error | null, stream: Duplex) => void,
    ) => {
      // Node accepts an error without a stream, unlike its type.
      const fail = (error: unknown) => (done as (error: unknown) => void)(error);
      open({ host: host ?? "", port: Number(port) }).then((socket) => done(null, socket), fail);
      return undefined;
    },
  });
}
