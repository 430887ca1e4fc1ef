import { create, type DescMessage } from "@bufbuild/protobuf";
import { type Connector as ConnectorMessage, ConnectorSchema } from "../../gen/connectory/v1/connector_pb.js";
import { formSchemaOf } from "../proto-schema/json-schema/form-schema.ts";
import { toFieldMessages } from "./field-messages.ts";
import type { Connector, ListedConnector } from "./sdk/connector.ts";

/** The form schemas have some hundred properties each; each is built once, on first use. */
const forms = new WeakMap<DescMessage, string>();

/** Returns a connector in the form of ListConnectors and GetConnector. */
export function toConnectorMessage(connector: Connector | ListedConnector): ConnectorMessage {
  const { id, name, description, source, sink, profileConnector = "" } = connector;
  const listed = { id, name, description, source, sink, profileConnector };
  if (!("config" in connector)) return create(ConnectorSchema, listed);
  return create(ConnectorSchema, {
    ...listed,
    hasProfile: true,
    testable: connector.test !== undefined,
    discoverable: connector.discover !== undefined,
    fields: [...toFieldMessages(connector.config)],
    connectionConfig: formOf(connector),
  });
}

function formOf({ config, name }: Connector): string {
  const known = forms.get(config);
  if (known !== undefined) return known;
  const made = JSON.stringify({ ...formSchemaOf(config), title: name });
  forms.set(config, made);
  return made;
}
