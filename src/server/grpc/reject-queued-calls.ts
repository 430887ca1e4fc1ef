import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { LoadShedder } from "../../interceptors/load-shedding/load-shedder.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { ensureRequestId, requestIdHeader } from "../../interceptors/request-id.ts";
import type { CallOrder } from "./call-head.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { resetAfterStatus } from "./reset-after-status.ts";

/** Creates the response to gRPC calls that have waited too long to start, without grpc-js, which would create a call for each. */
export function rejectQueuedCalls(
  organizationOf: CallOrder["organizationOf"],
  shedder: Pick<LoadShedder, "refused">,
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  return (stream, headers) => {
    const given = headers[requestIdHeader];
    const requestId = ensureRequestId(typeof given === "string" ? given : null);
    const error = toConnectError(shedder.refused("event_loop", organizationOf(headers) ?? ""), requestId);
    const { code, details, metadata } = toGrpcStatus(error);
    stream.on("error", () => undefined); // the caller has disconnected
    stream.respond(
      {
        ":status": 200,
        "content-type": "application/grpc+proto",
        "grpc-status": code,
        "grpc-message": encodeURI(details),
        [requestIdHeader]: requestId,
        ...metadata.toHttp2Headers(),
      },
      { endStream: true },
    );
    resetAfterStatus(stream);
  };
}
