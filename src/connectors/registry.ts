import type { Message } from "@bufbuild/protobuf";
import type { ConnectorConfig } from "../../gen/connectory/v1/connector_pb.js";
import { amqp } from "./amqp/amqp.ts";
import { catalogOnlyConnectors } from "./catalog-only-connectors.ts";
import { confluent } from "./confluent/confluent.ts";
import { http } from "./http/http.ts";
import { iceberg } from "./iceberg/iceberg.ts";
import { kafka } from "./kafka/kafka.ts";
import { mqtt } from "./mqtt/mqtt.ts";
import { mysql } from "./mysql/mysql.ts";
import { nats } from "./nats/nats.ts";
import { postgres } from "./postgres/postgres.ts";
import { rabbitmq } from "./rabbitmq/rabbitmq.ts";
import { redis } from "./redis/redis.ts";
import { s3 } from "./s3/s3.ts";
import type { Connector, ListedConnector } from "./sdk/connector.ts";
import { websocket } from "./websocket/websocket.ts";

type Member = Extract<ConnectorConfig["connector"], { value: Message }>;

/** One connector for each member of `ConnectorConfig.connector`: a member that `connectors` lacks is a compile error. */
export type ConnectorRegistry = {
  readonly [Name in Member["case"]]: Connector<Extract<Member, { case: Name }>["value"]>;
};

/** The connectors with profiles. */
export const connectors: ConnectorRegistry = {
  amqp,
  confluent,
  http,
  iceberg,
  kafka,
  mqtt,
  mysql,
  nats,
  postgres,
  rabbitmq,
  redis,
  s3,
  websocket,
};

/** Returns every connector, sorted by id, those without profiles included. */
export function allConnectors(registry: ConnectorRegistry): readonly (Connector | ListedConnector)[] {
  return [...Object.values<Connector>(registry), ...catalogOnlyConnectors].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Returns the connector with profiles that has this id; undefined when there is none. */
export function findConnector(registry: ConnectorRegistry, id: string): Connector | undefined {
  return Object.values<Connector>(registry).find((connector) => connector.id === id);
}

/** Returns the connector with this id, with or without profiles; undefined when there is none. */
export function findListed(registry: ConnectorRegistry, id: string): Connector | ListedConnector | undefined {
  return allConnectors(registry).find((connector) => connector.id === id);
}
