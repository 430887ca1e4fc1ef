import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { Metadata } from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";

/** A status as grpc-js sends it. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** A ConnectError as a gRPC status; its details travel as `google.rpc.Status` in `grpc-status-details-bin`. */
export function toGrpcStatus(error: ConnectError): GrpcStatus {
  const metadata = new Metadata();
  for (const [name, value] of error.metadata) metadata.set(name, value);
  const details = error.details.map(toAny);
  const status = create(StatusSchema, { code: error.code, message: error.rawMessage, details });
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  return { code: error.code, details: error.rawMessage, metadata };
}

function toAny(detail: ConnectError["details"][number]): Any {
  if ("desc" in detail) return anyPack(detail.desc, create(detail.desc, detail.value));
  return create(AnySchema, { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value });
}
