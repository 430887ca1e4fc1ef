import { create, type DescMethodUnary, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type { Connection } from "../../../gen/connectory/v1/connection_pb.js";
import type { ConnectionProfile } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import { canary } from "../../support/canary.ts";
import { type Answer, type Call, type Caller, deadlineSeconds, giveUpMs, noAnswer, stateOfProfile } from "./answer.ts";
import { type GrpcEnd, openGrpc } from "./open-grpc.ts";

const { createConnection, deleteConnection, getConnection } = ConnectionService.method;
const { createConnectionProfile, updateConnectionProfile, deleteConnectionProfile, getConnectionProfile } =
  ConnectionProfileService.method;

/** Sends calls over gRPC, with nothing of the service but its contract. */
export function openGrpcCaller(address: string, token: string): Caller {
  const grpc = openGrpc(address);
  const unary = async <M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M["input"]>,
    read: (answer: ReturnType<typeof fromBinary<M["output"]>>) => Partial<Answer>,
  ): Promise<Answer> => {
    let bytes: Uint8Array | undefined;
    const end = await grpc.run({
      path: `/${method.parent.typeName}/${method.name}`,
      token,
      message: toBinary(method.input, create<M["input"]>(method.input, request)),
      timeout: `${deadlineSeconds}S`,
      signal: AbortSignal.timeout(giveUpMs),
      onMessage: (message) => {
        bytes = message;
      },
    });
    if (end.status !== 0) return refusalOf(end);
    if (bytes === undefined) return { code: "UNKNOWN", reason: "", text: "OK without a message" };
    return { code: "OK", reason: "", text: "", ...read(fromBinary(method.output as M["output"], bytes)) };
  };

  const send = (call: Call): Promise<Answer> => {
    switch (call.name) {
      case "create-connection": {
        const [userId1, userId2] = call.users;
        const request = { connectionId: call.id, requestId: call.requestId, userId1, userId2 };
        return unary(createConnection, request, ({ connection, revision }) => ({
          ...ofConnection(connection),
          revision,
        }));
      }
      case "delete-connection":
        return unary(deleteConnection, { id: call.id }, ({ connection, revision }) => {
          return { ...ofConnection(connection), revision };
        });
      case "get-connection":
        return unary(getConnection, { id: call.id }, ({ connection }) => ofConnection(connection));
      case "create-profile": {
        const value = { host: "127.0.0.1", username: "ann", password: canary("chaos") };
        const config = { connector: { case: "postgres" as const, value } };
        const request = { name: call.profile, requestId: call.requestId, labels: { op: call.label }, config };
        return unary(createConnectionProfile, request, ({ connectionProfile }) => ofProfile(connectionProfile));
      }
      case "update-profile": {
        const request = { id: call.id, labels: { op: call.label }, updateMask: { paths: ["labels"] } };
        return unary(updateConnectionProfile, request, ({ connectionProfile }) => ofProfile(connectionProfile));
      }
      case "delete-profile":
        return unary(deleteConnectionProfile, { id: call.id }, ({ connectionProfile, revision }) => {
          return { ...ofProfile(connectionProfile), revision };
        });
      case "get-profile":
        return unary(getConnectionProfile, { id: call.id }, ({ connectionProfile }) => ofProfile(connectionProfile));
    }
  };
  return { call: (call) => send(call).catch(noAnswer), close: grpc.close };
}

/** What a stream's end says that is not OK. */
export function refusalOf({ status, message, details }: GrpcEnd): Answer {
  if (status === undefined) return noAnswer(message);
  const code = (Code[status] ?? `${status}`).replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  const all = details.length === 0 ? [] : fromBinary(StatusSchema, details).details;
  const info = all.map((detail) => anyUnpack(detail, ErrorInfoSchema)).find((found) => found !== undefined);
  return { code: code === "CANCELED" ? "CANCELLED" : code, reason: info?.reason ?? "", text: message };
}

function ofConnection(connection: Connection | undefined): Partial<Answer> {
  return { id: connection?.id ?? "", state: connection?.isActive ? "active" : "deleted" };
}

function ofProfile(profile: ConnectionProfile | undefined): Partial<Answer> {
  const state = stateOfProfile(profile?.deletedAt !== undefined, profile?.labels.op);
  return { id: profile?.id ?? "", revision: profile?.revision ?? 0n, state };
}
