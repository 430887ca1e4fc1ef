import type { Target } from "../../egress/egress-policy.ts";
import { urlTargets } from "../sdk/url.ts";
import { parseBootstrapServers } from "./bootstrap-servers.ts";
import type { KafkaAccess } from "./kafka-access.ts";

/** Returns the first addresses of a test: the bootstrap servers, the token endpoint and the schema registry. */
export function kafkaEndpoints({ bootstrapServers, login, schemaRegistry }: KafkaAccess): readonly Target[] {
  return [
    ...parseBootstrapServers(bootstrapServers),
    ...(login?.kind === "oauth" ? urlTargets(login.tokenEndpoint) : []),
    ...(schemaRegistry === undefined ? [] : urlTargets(schemaRegistry.endpoint)),
  ];
}
