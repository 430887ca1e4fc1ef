import { createRandom } from "../../support/random.ts";
import type { Watch } from "../check/evidence.ts";
import { type Probed, probeOrganization } from "../cluster/await-serving.ts";
import type { Cluster } from "../cluster/start-cluster.ts";
import { openGrpcCaller } from "./grpc-caller.ts";
import type { History } from "./history.ts";
import { openRestCaller } from "./rest-caller.ts";
import { runWatch } from "./run-watch.ts";
import { hubOf, runWriter } from "./run-writer.ts";

const organizations = ["acme", "globex", "initech"];

export type RunningWatch = Watch & { readonly position: () => bigint };

export interface Load {
  readonly probed: readonly Probed[];
  readonly watches: readonly RunningWatch[];
  readonly users: ReadonlyMap<string, readonly string[]>;
  readonly tokens: ReadonlyMap<string, string>;
  stopWriters(): Promise<void>;
  close(): void;
}

/** In each organization a writer over gRPC and one over REST, and a watch over each. */
export async function startLoad(cluster: Cluster, history: History, seed: number): Promise<Load> {
  const { servers } = cluster;
  const writing = new AbortController();
  const watching = new AbortController();
  const tokens = new Map<string, string>();
  for (const name of [...organizations, probeOrganization]) tokens.set(name, await cluster.token(name));
  const probeToken = tokens.get(probeOrganization) ?? "";
  const probed = servers.map((server) => ({
    server,
    grpc: openGrpcCaller(server.grpcAddress, probeToken),
    rest: openRestCaller(server.httpUrl, probeToken),
  }));
  const closers = probed.map(({ grpc }) => grpc.close);
  const writers: Promise<void>[] = [];
  const watches: RunningWatch[] = [];
  for (const [index, organization] of organizations.entries()) {
    const token = tokens.get(organization) ?? "";
    const byGrpc = servers.map((server) => openGrpcCaller(server.grpcAddress, token));
    closers.push(...byGrpc.map(({ close }) => close));
    const byRest = servers.map((server) => openRestCaller(server.httpUrl, token));
    for (const [name, callers] of [["grpc", byGrpc] as const, ["rest", byRest] as const]) {
      const random = createRandom(seed + index * 2 + (name === "grpc" ? 1 : 2));
      writers.push(runWriter({ organization, name, callers, history, random, signal: writing.signal }));
      const at = servers.map((server) => (name === "grpc" ? server.grpcAddress : server.httpUrl));
      watches.push(
        await runWatch({ organization, token, servers: at, protocol: name, history, random, signal: watching.signal }),
      );
    }
  }
  return {
    probed,
    watches,
    tokens,
    users: new Map<string, readonly string[]>([
      [probeOrganization, ["hub-probe"]],
      ...organizations.map((one): [string, string[]] => [one, [hubOf("grpc"), hubOf("rest")]]),
    ]),
    stopWriters: async () => {
      writing.abort();
      await Promise.all(writers);
    },
    close: () => {
      watching.abort();
      for (const close of closers) close();
    },
  };
}
