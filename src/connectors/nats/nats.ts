import { type NatsConfig, NatsConfigSchema } from "../../../gen/connectory/v1/nats_config_pb.js";
import type { Connector } from "../sdk/connector.ts";
import { validateCount } from "../sdk/validate-count.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { parseNatsServers, validateNatsServers } from "./nats-servers.ts";
import { validateNatsLogin } from "./validate-nats-login.ts";

/** A connector for NATS, with its streams (JetStream) where the account has them. */
export const nats: Connector<NatsConfig> = {
  id: "nats",
  name: "NATS",
  description: "A messaging system",
  source: true,
  sink: true,
  config: NatsConfigSchema,
  describe: ({ servers }) => servers,
  endpoints: ({ servers }) => parseNatsServers(servers).map(({ host, port }) => ({ host, port })),
  validate: ({ servers, authentication, tls }) => [
    ...validateNatsServers(servers),
    ...validateCount("servers", parseNatsServers(servers)),
    ...validateNatsLogin(authentication),
    ...validateTls(tls),
  ],
  test: async (config, probe) => (await import("./probe-nats.ts")).probeNats(config, probe),
  discover: async (config, probe, discovery) =>
    (await import("./discover-streams.ts")).discoverStreams(config, probe, discovery),
};
