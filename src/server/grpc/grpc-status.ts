import { toBinary } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Metadata } from "@grpc/grpc-js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import { toRpcStatus } from "../../interceptors/call/rpc-status.ts";
import { truncateStatus } from "../dispatch/truncate-status.ts";
import { toMetadata } from "./metadata.ts";

/** A status in the form of grpc-js. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * Converts a ConnectError to a gRPC status with its details as `google.rpc.Status` in `grpc-status-details-bin`, shortened by
 * `truncateStatus`. `trailers` are added to the metadata.
 */
export function toGrpcStatus(error: ConnectError, ...trailers: readonly Headers[]): GrpcStatus {
  const metadata = toMetadata(error.metadata, ...trailers);
  const status = truncateStatus(toRpcStatus(error));
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  return { code: error.code, details: status.message, metadata };
}
