import { type RedisConfig, RedisConfigSchema } from "../../../gen/connectory/v1/redis_config_pb.js";
import { type Connector, endpointName } from "../sdk/connector.ts";
import { redisAddresses } from "./redis-address.ts";
import { validateRedis } from "./validate-redis.ts";

/** A connector for Redis and systems with its protocol, such as Valkey. */
export const redis: Connector<RedisConfig> = {
  id: "redis",
  name: "Redis",
  description: "An in-memory database: a server or a cluster",
  source: false,
  sink: true,
  config: RedisConfigSchema,
  describe: (config) => redisAddresses(config).map(endpointName).join(","),
  endpoints: (config) => redisAddresses(config).map(({ host, port }) => ({ host, port })),
  validate: validateRedis,
  test: async (config, probe) => (await import("./probe-redis.ts")).probeRedis(config, probe),
};
