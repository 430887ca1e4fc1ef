import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy in front of a server, for what happens to connections on the way. */
export interface FaultProxy {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** How many connections it has taken so far. */
  taken(): number;
  /** Breaks every connection: with a reset, or as somebody who leaves in good order. */
  cut(how: "reset" | "end"): void;
  /** Keeps connections open and forwards nothing more on them; new ones work. */
  freeze(): void;
  /** Refuses new connections, until it is told otherwise. */
  refuse(refusing: boolean): void;
  /** Leads new connections to another port. */
  lead(port: number): void;
  close(): Promise<void>;
}

/** In front of a port of this machine, or of a unix socket. */
export async function openFaultProxy(behind: number | string): Promise<FaultProxy> {
  let target = behind;
  let refusing = false;
  let taken = 0;
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    taken++;
    if (refusing) return void near.resetAndDestroy();
    const far = typeof target === "string" ? connect(target) : connect(target, "127.0.0.1");
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [one, other] of [pair, [far, near] as const]) {
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const each = (act: (near: Socket, far: Socket) => void) => {
    for (const [near, far] of pairs) act(near, far);
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: () => taken,
    cut: (how) => each((near) => (how === "reset" ? near.resetAndDestroy() : near.destroy())),
    freeze: () =>
      each((near, far) => {
        near.unpipe();
        far.unpipe();
        near.pause();
        far.pause();
      }),
    refuse: (value) => {
      refusing = value;
    },
    lead: (port) => {
      target = port;
    },
    close: async () => {
      each((near, far) => {
        near.destroy();
        far.destroy();
      });
      server.close();
      await once(server, "close");
    },
  };
}
