import { isIP } from "node:net";
import type { KafkaConfig, KafkaSasl } from "../../../gen/connectory/v1/kafka_config_pb.js";
import type { FieldViolation } from "../../failure.ts";
import { checkTls } from "../check-tls.ts";
import { checkUrl } from "../check-url.ts";
import { checkSchemaRegistry } from "../schema-registry/check-schema-registry.ts";
import { isEncrypted, urlTarget } from "../url-target.ts";
import { checkBootstrapServers } from "./bootstrap-servers.ts";
import { checkConnectionProperties } from "./check-connection-properties.ts";

/** What is wrong with a `kafka` configuration, found without dialling anybody. */
export function checkKafka(config: KafkaConfig): readonly FieldViolation[] {
  const { bootstrapServers, tls, sasl, awsMskIam } = config;
  const violations: FieldViolation[] = [];
  const report = (field: string, description: string) => violations.push({ field, description });
  if (tls !== undefined && sasl?.protocol === "SASL_PLAINTEXT")
    report("sasl.protocol", "SASL_PLAINTEXT cannot go with tls: take SASL_SSL");
  if (sasl !== undefined && awsMskIam !== undefined)
    report("aws_msk_iam", "cannot go with sasl: leave one of the two out");
  return [
    ...checkBootstrapServers(bootstrapServers),
    ...checkTls(tls),
    ...violations,
    ...(sasl === undefined ? [] : checkOauth(sasl)),
    ...checkConnectionProperties(config.connectionProperties),
    ...checkSchemaRegistry(config.schemaRegistry, "schema_registry."),
  ];
}

function checkOauth({ mechanism, oauthTokenEndpoint, oauthScope }: KafkaSasl): readonly FieldViolation[] {
  const violations: FieldViolation[] = [];
  const report = (field: string, description: string) => violations.push({ field, description });
  const endpointField = "sasl.oauth_token_endpoint";
  if (mechanism !== "OAUTHBEARER") {
    if (oauthTokenEndpoint !== "") report(endpointField, "goes with mechanism OAUTHBEARER only");
    if (oauthScope !== "") report("sasl.oauth_scope", "goes with mechanism OAUTHBEARER only");
    return violations;
  }
  if (oauthScope !== "" && oauthTokenEndpoint === "")
    report("sasl.oauth_scope", "goes with sasl.oauth_token_endpoint only");
  // RFC 6749, 3.3: printable ASCII without quotes and backslashes, blanks between.
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(oauthScope))
    report("sasl.oauth_scope", "must be names with blanks between them, in ASCII without quotes");
  const unfit = checkUrl(endpointField, oauthTokenEndpoint, ["https", "http"]);
  const url = URL.parse(oauthTokenEndpoint);
  if (unfit.length === 0 && url !== null && !isEncrypted(url) && !isLoopback(urlTarget(url).host))
    report(endpointField, "must begin with https: the client's secret is sent there");
  return [...unfit, ...violations];
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
