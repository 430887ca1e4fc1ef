import { connectorUnknown } from "../connection-profiles/config/select-connector.ts";
import { connectors } from "../connectors/registry.ts";
import type { Route } from "../server/dispatch/route.ts";
import { type DescribeUnknownPath, describeUnknownPaths, servedPaths } from "../server/http/describe-unknown-paths.ts";
import type { RejectMember } from "../server/json/normalize-json.ts";

/** What the protocols say of requests that name something that does not exist. */
export interface Rejections {
  /** Returns the error for the name of a connector that does not exist. */
  readonly rejectMember: RejectMember;
  readonly describeUnknownPath: DescribeUnknownPath;
}

/** Returns the rejections for the paths and the connectors that exist. */
export function rejections(routes: readonly Route[]): Rejections {
  return {
    rejectMember: (_config, name) => connectorUnknown(connectors, name),
    describeUnknownPath: describeUnknownPaths(servedPaths(routes)),
  };
}
