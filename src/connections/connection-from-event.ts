import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { type Connection, ConnectionSchema } from "../../gen/connectory/v1/connection_pb.js";

/** Returns the connection in the data of an event. Fields that only a later version knows are ignored. */
export function connectionFromEvent(data: JsonObject): Connection {
  return fromJson(ConnectionSchema, data.connection ?? null, { ignoreUnknownFields: true });
}
