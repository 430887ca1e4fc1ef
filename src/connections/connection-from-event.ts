import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { type Connection, ConnectionSchema } from "../../gen/connectory/v1/connection_pb.js";

/** The connection that an event tells of. A later version may have written fields that this one does not know. */
export function connectionFromEvent(data: JsonObject): Connection {
  return fromJson(ConnectionSchema, data.connection ?? null, { ignoreUnknownFields: true });
}
