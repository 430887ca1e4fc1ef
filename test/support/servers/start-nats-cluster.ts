import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { createServerDir } from "./create-server-dir.ts";
import { goProgram, goPrograms } from "./go-program.ts";
import { runServer } from "./run-server.ts";
import { natsUsers, passwords, type TestNats } from "./start-nats.ts";

export interface TestNatsCluster {
  readonly host: "127.0.0.1";
  /** Two servers. The `connect_urls` of each name both, or what `advertise` said, twice. */
  readonly ports: readonly [number, number];
  readonly users: TestNats["users"];
  stop(): Promise<void>;
}

/**
 * Two NATS servers in clear that tell clients of each other, with the users of `startNats`, in about 0.4 s. With
 * `advertise` (host:port) clients are told of that address instead.
 */
export async function startNatsCluster(options: { readonly advertise?: string } = {}): Promise<TestNatsCluster> {
  const command = await goProgram(goPrograms.natsServer);
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("nats-cluster")).path;
  const ports = [await freePort(), await freePort()] as const;
  const routes = [await freePort(), await freePort()] as const;
  for (const index of [0, 1] as const) {
    const home = join(dir, `${index}`);
    await mkdir(home);
    const others = routes.map((route) => `"nats-route://127.0.0.1:${route}"`).join(", ");
    const config = [
      `listen: "127.0.0.1:${ports[index]}"`,
      ...(options.advertise === undefined ? [] : [`client_advertise: "${options.advertise}"`]),
      `cluster { name: test, listen: "127.0.0.1:${routes[index]}", routes: [${others}] }`,
      passwords,
    ];
    await writeFile(join(home, "nats.conf"), config.join("\n"));
    // The first can know of the second only once that runs.
    const isReady = index === 0 ? undefined : async () => (await announced(ports[0])) && (await announced(ports[1]));
    const run = { command, args: ["-c", "nats.conf"], dir: home, ports: [ports[index]] };
    stack.use(await runServer(isReady === undefined ? run : { ...run, isReady }));
  }
  const owned = stack.move();
  return { host: "127.0.0.1", ports, users: natsUsers, stop: () => owned.disposeAsync() };

  /** Whether the server's greeting has another address than the one we came by. */
  async function announced(port: number): Promise<boolean> {
    const socket = connect(port, "127.0.0.1");
    for await (const chunk of socket) {
      const { connect_urls: urls = [] } = JSON.parse(String(chunk).slice("INFO ".length));
      return urls.length === 2;
    }
    return false;
  }
}
