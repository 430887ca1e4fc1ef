import type { Database } from "./database.ts";
import { preparePgbench } from "./pgbench/prepare-pgbench.ts";
import { type Connectory, startConnectory } from "./start-connectory.ts";
import { findFreePort, startProcess } from "./start-process.ts";
import { startTextbook, type Textbook } from "./textbook/start-textbook.ts";

/** Everything that is measured. Each is a process of its own, and all but one are idle at any time. */
export interface Servers {
  readonly connectory: Connectory;
  readonly textbook: Textbook;
  readonly echo: { readonly port: number };
  readonly pgbench: { readonly database: Database; readonly maxClients: number };
}

/** Starts them one after the other; `stack` stops them in the reverse order. */
export async function startServers(dataDir: string, stack: AsyncDisposableStack): Promise<Servers> {
  const connectory = await startConnectory(dataDir);
  stack.defer(connectory.stop);
  const pgbench = await preparePgbench(connectory.database);
  const textbook = await startTextbook(connectory.database);
  stack.defer(textbook.stop);
  const port = await findFreePort();
  const echo = await startProcess(["bench/echo-server.ts", `${port}`], {}, [port]);
  stack.defer(echo.stop);
  return { connectory, textbook, echo: { port }, pgbench };
}
