import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The network between clients and a port of this machine, which can be cut. */
export interface NetworkProxy {
  readonly port: number;
  /** Resets every connection and refuses new ones. */
  cut(): void;
  /** Carries nothing any more, in either direction, and says nothing: a partition. New connections wait as well. */
  silence(): void;
  /** Carries everything again. What waited in a silence goes on. */
  mend(): void;
  /** As `mend`, but for the connections of a silence, of which nothing is ever heard again: a firewall that has lost its table. */
  forget(): void;
  close(): Promise<void>;
}

/** The other end of a forgotten connection is closed after this long, as by a server's own keepalive. */
const forgottenMs = 60_000;

/** `target` may be told later, for a server that has to know the proxy's port when it starts. */
export async function openNetworkProxy(target: () => number): Promise<NetworkProxy> {
  let state: "open" | "cut" | "silent" = "open";
  const pairs = new Set<readonly [Socket, Socket]>();
  const waiting = new Set<Socket>();

  const join = (near: Socket) => {
    const far = connect(target(), "127.0.0.1");
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [one, other] of [pair, [far, near] as const]) {
      one.setNoDelay(true);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
  };
  const server = createServer({ pauseOnConnect: true }, (near) => {
    near.on("error", () => near.destroy());
    if (state === "cut") near.resetAndDestroy();
    else if (state === "open") join(near);
    else {
      waiting.add(near);
      near.once("close", () => waiting.delete(near));
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  const letIn = () => {
    state = "open";
    for (const near of [...waiting]) {
      waiting.delete(near);
      if (!near.destroyed) join(near);
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      state = "cut";
      for (const [near] of pairs) near.resetAndDestroy();
    },
    silence: () => {
      state = "silent";
      for (const [near, far] of pairs) {
        near.unpipe();
        far.unpipe();
        near.pause();
        far.pause();
      }
    },
    mend: () => {
      if (state === "silent")
        for (const [near, far] of pairs) {
          near.pipe(far);
          far.pipe(near);
        }
      letIn();
    },
    forget: () => {
      for (const [near, far] of pairs)
        setTimeout(() => {
          near.destroy();
          far.destroy();
        }, forgottenMs).unref();
      letIn();
    },
    close: async () => {
      server.close();
      for (const socket of [...waiting, ...[...pairs].flat()]) socket.destroy();
      await once(server, "close");
    },
  };
}
