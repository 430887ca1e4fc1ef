import { create } from "@bufbuild/protobuf";
import { type Connector as ConnectorMessage, ConnectorSchema } from "../../gen/connectory/v1/connector_pb.js";
import type { Connector, ListedConnector } from "./connector.ts";
import { describeFields } from "./describe-fields.ts";

/** A connector as ListConnectors and GetConnector answer it. */
export function describeConnector(connector: Connector | ListedConnector): ConnectorMessage {
  const { id, name, description, source, sink, profileConnector = "" } = connector;
  const listed = { id, name, description, source, sink, profileConnector };
  if (!("config" in connector)) return create(ConnectorSchema, listed);
  return create(ConnectorSchema, {
    ...listed,
    hasProfile: true,
    testable: connector.test !== undefined,
    discoverable: connector.discover !== undefined,
    fields: [...describeFields(connector.config)],
  });
}
