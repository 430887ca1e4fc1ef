import { create } from "@bufbuild/protobuf";
import { type Connector as ConnectorMessage, ConnectorSchema } from "../../gen/connectory/v1/connector_pb.js";
import type { Connector } from "./connector.ts";
import { describeFields } from "./describe-fields.ts";

/** A connector as ListConnectors and GetConnector answer it. */
export function describeConnector(connector: Connector): ConnectorMessage {
  const { id, name, description, source, sink, config } = connector;
  return create(ConnectorSchema, {
    id,
    name,
    description,
    source,
    sink,
    hasProfile: true,
    testable: connector.test !== undefined,
    fields: [...describeFields(config)],
  });
}
