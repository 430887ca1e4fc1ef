import { isIP } from "node:net";
import type { KafkaConfig, KafkaSasl } from "../../../gen/connectory/v1/kafka_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { validateSchemaRegistry } from "../schema-registry/validate-schema-registry.ts";
import { isEncrypted, urlTarget } from "../sdk/url.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { validateUrl } from "../sdk/validate-url.ts";
import { validateBootstrapServers } from "./bootstrap-servers.ts";
import { validateConnectionProperties } from "./validate-connection-properties.ts";

/** Returns the violations of a `kafka` configuration, without a connection. */
export function validateKafka(config: KafkaConfig): readonly FieldViolation[] {
  const { bootstrapServers, tls, sasl, awsMskIam } = config;
  const violations: FieldViolation[] = [];
  const report = (field: string, description: string) => violations.push({ field, description });
  if (tls !== undefined && sasl?.protocol === "SASL_PLAINTEXT")
    report("sasl.protocol", "SASL_PLAINTEXT cannot go with tls: take SASL_SSL");
  if (sasl !== undefined && awsMskIam !== undefined)
    report("aws_msk_iam", "cannot go with sasl: leave one of the two out");
  return [
    ...validateBootstrapServers(bootstrapServers),
    ...validateTls(tls),
    ...violations,
    ...(sasl === undefined ? [] : checkOauth(sasl)),
    ...validateConnectionProperties(config.connectionProperties),
    ...validateSchemaRegistry(config.schemaRegistry, "schema_registry."),
  ];
}

function checkOauth(sasl: KafkaSasl): readonly FieldViolation[] {
  const { mechanism, username, oauthTokenEndpoint, oauthScope, oauthClientAuthentication } = sasl;
  const violations: FieldViolation[] = [];
  const report = (field: string, description: string) => violations.push({ field, description });
  const endpointField = "sasl.oauth_token_endpoint";
  const authenticationField = "sasl.oauth_client_authentication";
  if (mechanism !== "OAUTHBEARER") {
    if (oauthTokenEndpoint !== "") report(endpointField, "goes with mechanism OAUTHBEARER only");
    if (oauthScope !== "") report("sasl.oauth_scope", "goes with mechanism OAUTHBEARER only");
    if (oauthClientAuthentication !== "") report(authenticationField, "goes with mechanism OAUTHBEARER only");
    return violations;
  }
  if (oauthScope !== "" && oauthTokenEndpoint === "")
    report("sasl.oauth_scope", "goes with sasl.oauth_token_endpoint only");
  if (oauthClientAuthentication !== "" && oauthTokenEndpoint === "")
    report(authenticationField, "goes with sasl.oauth_token_endpoint only");
  if (oauthClientAuthentication === "client_secret_basic_raw" && username.includes(":"))
    report(
      authenticationField,
      "cannot be client_secret_basic_raw with a colon in sasl.username, which would end there",
    );
  // RFC 6749, 3.3: printable ASCII without quotes and backslashes, separated by blanks.
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(oauthScope))
    report("sasl.oauth_scope", "must be names with blanks between them, in ASCII without quotes");
  const unfit = validateUrl(endpointField, oauthTokenEndpoint, ["https", "http"]);
  const url = URL.parse(oauthTokenEndpoint);
  if (unfit.length === 0 && url !== null && !isEncrypted(url) && !isLoopback(urlTarget(url).host))
    report(endpointField, "must begin with https: the client's secret is sent there");
  return [...unfit, ...violations];
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
