import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../free-port.ts";
import { createServerDir } from "./create-server-dir.ts";
import { runServer } from "./run-server.ts";

/** Two ways of 127.0.0.1 to swallow a client. */
export interface BlackHole {
  /** A port that accepts every connection, reads what comes and never says a word. */
  readonly silent: number;
  /** A port where a connection is never made: its SYN gets no answer, as behind a firewall that drops. */
  readonly full: number;
  /** Connections that `silent` has open now. */
  connections(): number;
  stop(): Promise<void>;
}

/** Starts both in about 0.3 s. Needs no program but Node. */
export async function startBlackHole(): Promise<BlackHole> {
  await using stack = new AsyncDisposableStack();
  const silent = stack.use(await listenInSilence());
  const full = await fillQueue(stack);
  const owned = stack.move();
  return { silent: silent.port, full, connections: silent.connections, stop: () => owned.disposeAsync() };
}

async function listenInSilence() {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket
      .on("error", () => {})
      .once("close", () => open.delete(socket))
      .resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => open.size,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Node cannot listen without accepting, so the listener is a process that is stopped (SIGSTOP) before anyone comes. */
const listener = `require("node:net").createServer().listen({ port: +process.argv[1], host: "127.0.0.1", backlog: 1 })`;

async function fillQueue(stack: AsyncDisposableStack): Promise<number> {
  const port = await freePort();
  const dir = stack.use(await createServerDir("full")).path;
  const { pid } = stack.use(
    await runServer({ command: process.execPath, args: ["-e", listener, `${port}`], dir, ports: [port] }),
  );
  process.kill(pid, "SIGSTOP");
  for (let waiting = 0; ; waiting++) {
    if (waiting === 10) throw new Error("the queue of a stopped listener does not fill up");
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    stack.defer(() => void socket.destroy());
    if ((await Promise.race([once(socket, "connect"), sleep(150)])) === undefined) {
      socket.destroy();
      return port;
    }
  }
}
