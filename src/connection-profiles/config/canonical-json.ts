import { type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";

/** JSON with the names of every object in order, so that equal values have equal texts: maps have no order in protobuf. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`).join(",")}}`;
}

/** A configuration (without its secrets) as it is stored. */
export function toStoredConfig(config: ConnectorConfig): JsonObject {
  return toJson(ConnectorConfigSchema, config, { useProtoFieldName: true }) as JsonObject;
}
