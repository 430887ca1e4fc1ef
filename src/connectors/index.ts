import type { Message } from "@bufbuild/protobuf";
import type { ConnectorConfig } from "../../gen/connectory/v1/connector_pb.js";
import type { Connector } from "./connector.ts";
import { kafka } from "./kafka/kafka.ts";
import { postgres } from "./postgres/postgres.ts";

type Member = Extract<ConnectorConfig["connector"], { value: Message }>;

/** A connector for every member of `ConnectorConfig.connector`: a member without a line in `connectors` does not compile. */
export type ConnectorRegistry = {
  readonly [Name in Member["case"]]: Connector<Extract<Member, { case: Name }>["value"]>;
};

/** Every connector that this server knows. */
export const connectors: ConnectorRegistry = {
  kafka,
  postgres,
};

/** The connectors by id. */
export function listConnectors(registry: ConnectorRegistry): readonly Connector[] {
  return Object.values<Connector>(registry).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The connector with this id; undefined when there is none. */
export function findConnector(registry: ConnectorRegistry, id: string): Connector | undefined {
  return listConnectors(registry).find((connector) => connector.id === id);
}
