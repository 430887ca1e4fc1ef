import { create, type Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { Connector } from "../connectors/connector.ts";
import { type ConnectorRegistry, findConnector, listConnectors } from "../connectors/index.ts";
import { Failure, fieldsInvalid } from "../failure.ts";
import { checkText } from "./check-text.ts";

/** A connector and a configuration of it. */
export interface Choice {
  readonly connector: Connector;
  readonly config: Message;
}

/**
 * The connector that a configuration is of. `named` is what the request calls it, empty when it does not: an unknown
 * name is CONNECTOR_UNKNOWN, one that does not agree with the configuration CONNECTOR_MISMATCH.
 */
export function chooseConnector(
  registry: ConnectorRegistry,
  named: string,
  { connector: member }: ConnectorConfig,
): Choice {
  if (named !== "" && findConnector(registry, named) === undefined) throw unknown(registry, named);
  if (named !== "" && member.case !== undefined && member.case !== named) throw mismatch(named, member.case);
  const connector = member.case === undefined ? undefined : findConnector(registry, member.case);
  if (member.value === undefined || connector === undefined) throw unknown(registry, member.case ?? "");
  return { connector, config: member.value };
}

/** Everything about a configuration that `buf.validate` has not said; field paths from the request on. */
export function checkConfig({ connector, config }: Choice, whole: ConnectorConfig): void {
  const own = connector.check?.(config) ?? [];
  const violations = [
    ...checkText(reflect(ConnectorConfigSchema, whole), "config."),
    ...own.map(({ field, description }) => ({ field: `config.${connector.id}.${field}`, description })),
  ];
  if (violations.length > 0) throw fieldsInvalid(...violations);
}

/** The other way round. */
export function toConnectorConfig({ connector, config }: Choice): ConnectorConfig {
  // The registry's type holds that the id is the member's name and the configuration of the member's type.
  const member = { case: connector.id, value: config } as ConnectorConfig["connector"];
  return create(ConnectorConfigSchema, { connector: member });
}

function unknown(registry: ConnectorRegistry, named: string): Failure {
  const known = listConnectors(registry).map(({ id }) => id);
  return new Failure(
    ErrorReason.CONNECTOR_UNKNOWN,
    `connector: there is no connector ${JSON.stringify(named)}; there are ${known.join(", ")}`,
    { fieldViolations: [{ field: "connector", description: `must be one of ${known.join(", ")}` }] },
  );
}

function mismatch(named: string, actual: string): Failure {
  const description = `is ${named}, but config is of ${actual}: they must agree, or leave connector out`;
  return new Failure(ErrorReason.CONNECTOR_MISMATCH, `connector: ${description}`, {
    fieldViolations: [{ field: "connector", description }],
  });
}
