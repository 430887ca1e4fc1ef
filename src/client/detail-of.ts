import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import type { Status } from "../../gen/google/rpc/status_pb.js";

/**
 * The first detail of a kind that came with an error; undefined when there is none. An error is what a call threw, or the
 * `google.rpc.Status` that the answer of a batch has for one of its requests.
 */
export function detailOf<D extends DescMessage>(error: unknown, schema: D): MessageShape<D> | undefined {
  if (error instanceof ConnectError) return error.findDetails(schema)[0];
  if (!isStatus(error)) return undefined;
  return error.details.map((detail) => anyUnpack(detail, schema)).find((detail) => detail !== undefined);
}

function isStatus(value: unknown): value is Status {
  return typeof value === "object" && value !== null && (value as Partial<Status>).$typeName === "google.rpc.Status";
}
