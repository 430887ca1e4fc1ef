import type { Probe } from "../sdk/connector.ts";
import type { RedisClient } from "./session.ts";
import { replyOf } from "./translate-redis-error.ts";

/** The description of a server, such as `redis_version`; empty when the user lacks the permission (NOPERM). */
export type RedisInfo = ReadonlyMap<string, string>;

/** Returns the `name:value` lines of INFO, or of CLUSTER INFO. */
export async function readInfo(client: RedisClient, ...command: readonly [string, string]): Promise<RedisInfo> {
  try {
    const text = String(await client.ask(...command));
    const lines = text.split("\r\n").map((line) => /^([a-z_]+):(.*)$/.exec(line) ?? []);
    return new Map(lines.map(([, name = "", value = ""]) => [name, value]));
  } catch (error) {
    if (replyOf(error).startsWith("NOPERM")) return new Map();
    throw error;
  }
}

const worthKnowing: readonly (readonly [field: string, fact: string])[] = [
  ["redis_version", "server_version"],
  ["valkey_version", "valkey_version"],
  ["redis_mode", "mode"],
  ["role", "role"],
  ["cluster_state", "cluster_state"],
  ["cluster_size", "cluster_masters"],
  ["cluster_known_nodes", "cluster_nodes"],
];

export function recordRedisFacts(info: RedisInfo, probe: Probe): void {
  for (const [field, fact] of worthKnowing) {
    const value = info.get(field);
    if (value !== undefined) probe.fact(fact, value);
  }
}
