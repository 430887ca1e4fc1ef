import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";
import { askRedis, redisConfig, redisUsers, type TestRedis } from "./start-redis.ts";

/** A third of the 16384 slots each, and a key that lies there. */
const shares = [
  { slots: "0-5460", key: "b" },
  { slots: "5461-10922", key: "c" },
  { slots: "10923-16383", key: "a" },
];

interface ClusterNode {
  readonly port: number;
  /** Its TLS port, with the good certificate. Whoever comes in TLS is sent on to the TLS ports. */
  readonly tlsPort: number;
  /** A key of this node: the two others answer MOVED. */
  readonly key: string;
}

export interface TestRedisCluster {
  readonly host: "127.0.0.1";
  /** Three, all masters. */
  readonly nodes: readonly ClusterNode[];
  readonly users: TestRedis["users"];
  stop(): Promise<void>;
}

/** A cluster with the users of `startRedis`, in about 2.5 s: each node waits 2 s before it calls the cluster well. */
export async function startRedisCluster(): Promise<TestRedisCluster> {
  const command = findProgram("redis-server", "redis-server");
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("redis-cluster")).path;
  const nodes: (ClusterNode & { readonly line: string; readonly bus: number; readonly dir: string })[] = [];
  for (const { slots, key } of shares) {
    const [port, tlsPort, bus] = [await freePort(), await freePort(), await freePort()];
    const id = createHash("sha1").update(key).digest("hex");
    const line = (flags: string) => `${id} 127.0.0.1:${tlsPort}@${bus} ${flags} - 0 0 1 connected ${slots}`;
    nodes.push({ port, tlsPort, key, bus, line: line("master"), dir: join(dir, key) });
  }
  const started = nodes.map(async (node) => {
    await mkdir(node.dir);
    await writeFile(join(node.dir, "redis.conf"), clusterConfig(node));
    await writeFile(join(node.dir, "nodes.conf"), membership(node.line, nodes));
    const isReady = async () => (await askRedis(node.port, "CLUSTER INFO")).includes("cluster_state:ok");
    const ports = [node.port, node.tlsPort];
    stack.use(await runServer({ command, args: ["redis.conf"], dir: node.dir, ports, isReady }));
  });
  const failed = (await Promise.allSettled(started)).find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const owned = stack.move();
  return {
    host: "127.0.0.1",
    nodes: nodes.map(({ port, tlsPort, key }) => ({ port, tlsPort, key })),
    users: redisUsers,
    stop: () => owned.disposeAsync(),
  };
}

function clusterConfig({ port, tlsPort, bus }: { port: number; tlsPort: number; bus: number }): string {
  return `${redisConfig(port, tlsPort)}
cluster-enabled yes
tls-cluster yes
cluster-port ${bus}
cluster-config-file nodes.conf
`;
}

/** What a node of a finished cluster has on disk: nothing has to be met, assigned or waited for. */
function membership(own: string, nodes: readonly { readonly line: string }[]): string {
  const lines = nodes.map(({ line }) => (line === own ? line.replace("master", "myself,master") : line));
  return `${lines.join("\n")}\nvars currentEpoch 1 lastVoteEpoch 0\n`;
}
