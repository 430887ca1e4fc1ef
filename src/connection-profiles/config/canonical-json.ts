import { type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";

/** Returns JSON with the names of every object sorted, so that equal values have equal texts: protobuf maps have no order. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`).join(",")}}`;
}

/** Returns a configuration (without its secrets) in its stored form. */
export function toStoredConfig(config: ConnectorConfig): JsonObject {
  return toJson(ConnectorConfigSchema, config, { useProtoFieldName: true }) as JsonObject;
}
