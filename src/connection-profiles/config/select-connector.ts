import { create, type Message } from "@bufbuild/protobuf";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { type ConnectorRegistry, findConnector, findListed } from "../../connectors/registry.ts";
import type { Connector } from "../../connectors/sdk/connector.ts";
import { similarConnector } from "../../connectors/similar-connector.ts";
import { ApiError, fieldsInvalid } from "../../errors/api-error.ts";

/** A connector and a configuration for it. */
export interface ConnectorWithConfig {
  readonly connector: Connector;
  readonly config: Message;
}

/**
 * Returns the connector of a configuration. `names` are the names of the connector in the request, empty where it has none.
 * Throws CONNECTOR_UNKNOWN for an unknown name, CONNECTOR_WITHOUT_PROFILE for a connector without profiles, CONNECTOR_MISMATCH
 * for a name that differs from the configuration's connector, and FIELD_INVALID without a configuration.
 */
export function selectConnector(
  registry: ConnectorRegistry,
  names: readonly string[],
  { connector: member }: ConnectorConfig,
): ConnectorWithConfig {
  for (const named of names) {
    if (named !== "" && findConnector(registry, named) === undefined) throw connectorUnknown(registry, named);
    if (named !== "" && member.case !== undefined && member.case !== named) throw mismatch(named, member.case);
  }
  if (member.case === undefined) throw configMissing();
  const connector = findConnector(registry, member.case);
  if (connector === undefined) throw connectorUnknown(registry, member.case);
  return { connector, config: member.value };
}

/** FIELD_INVALID, for a request without a connector's configuration, or one that clears it. */
export function configMissing(): ApiError {
  const known = ConnectorConfigSchema.fields.map(({ name }) => name).join(", ");
  return fieldsInvalid({ field: "config.connector", description: `exactly one of these must be given: ${known}` });
}

/**
 * Throws CONNECTOR_MISMATCH when a request names another connector than the profile's, and CONNECTOR_UNKNOWN or
 * CONNECTOR_WITHOUT_PROFILE when there are no profiles for the name.
 */
export function requireNamedConnector(registry: ConnectorRegistry, named: string, actual: string): void {
  if (named === "" || named === actual) return;
  if (findConnector(registry, named) === undefined) throw connectorUnknown(registry, named);
  throw mismatch(named, actual);
}

/** Returns the configuration as a member of the message ConnectorConfig. */
export function toConnectorConfig({ connector, config }: ConnectorWithConfig): ConnectorConfig {
  // The registry's type guarantees that the id is the member's name and the configuration has the member's type.
  const member = { case: connector.id, value: config } as ConnectorConfig["connector"];
  return create(ConnectorConfigSchema, { connector: member });
}

/** CONNECTOR_UNKNOWN for a name that no connector has, CONNECTOR_WITHOUT_PROFILE for a connector without profiles. */
export function connectorUnknown(registry: ConnectorRegistry, named: string): ApiError {
  const known = Object.keys(registry).sort().join(", ");
  const listed = findListed(registry, named);
  const similar = similarConnector(named, Object.keys(registry));
  if (listed === undefined)
    return new ApiError(
      ErrorReason.CONNECTOR_UNKNOWN,
      `connector: there is no connector ${JSON.stringify(named)}${similar || ":"} profiles can be made for ${known}`,
      { fieldViolations: [{ field: "connector", description: `must be one of ${known}${similar}` }] },
    );
  const instead = listed.profileConnector === undefined ? "it needs none" : `use one of ${listed.profileConnector}`;
  const description = `there are no profiles for ${named}: ${instead}`;
  return new ApiError(ErrorReason.CONNECTOR_WITHOUT_PROFILE, `connector: ${description}`, {
    fieldViolations: [{ field: "connector", description }],
  });
}

function mismatch(named: string, actual: string): ApiError {
  const description = `is ${named}, but the configuration is of ${actual}: they must agree, or leave connector out`;
  return new ApiError(ErrorReason.CONNECTOR_MISMATCH, `connector: ${description}`, {
    fieldViolations: [{ field: "connector", description }],
  });
}
