import { type NatsConfig, NatsConfigSchema } from "../../../gen/connectory/v1/nats_config_pb.js";
import { checkCount } from "../check-count.ts";
import { checkTls } from "../check-tls.ts";
import type { Connector } from "../connector.ts";
import { checkNatsLogin } from "./check-nats-login.ts";
import { checkNatsServers, parseNatsServers } from "./nats-servers.ts";

/** NATS, with its streams (JetStream) where the account has them. */
export const nats: Connector<NatsConfig> = {
  id: "nats",
  name: "NATS",
  description: "A messaging system",
  source: true,
  sink: true,
  config: NatsConfigSchema,
  describe: ({ servers }) => servers,
  endpoints: ({ servers }) => parseNatsServers(servers).map(({ host, port }) => ({ host, port })),
  check: ({ servers, authentication, tls }) => [
    ...checkNatsServers(servers),
    ...checkCount("servers", parseNatsServers(servers)),
    ...checkNatsLogin(authentication),
    ...checkTls(tls),
  ],
  test: async (config, probe) => (await import("./test-nats.ts")).testNats(config, probe),
  discover: async (config, probe, question) =>
    (await import("./discover-streams.ts")).discoverStreams(config, probe, question),
};
