// The exports that Node and browsers share; createConnectoryClient is in the folder of each.

export { Code, ConnectError } from "@connectrpc/connect";
export { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
export { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
export { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
export type { ConnectoryClient, ConnectoryClientOptions } from "./connectory-client.ts";
export {
  isReason,
  metadataOf,
  type Precondition,
  preconditionsOf,
  reasonOf,
  reportOf,
  requestIdOf,
  retryAfterOf,
  type Violation,
  violationsOf,
} from "./error-details.ts";
export { type OrderedPair, orderedPair } from "./ordered-pair.ts";
export { type ItemOf, items, type ListCall, pages } from "./pages.ts";
export type { RetryOptions } from "./retry-calls.ts";
export type { Token } from "./send-token.ts";
export type { TransportName } from "./transport-name.ts";
export { type WatchCall, type WatchOptions, watch } from "./watch.ts";
