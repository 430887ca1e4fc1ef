import { toJson } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import type { PageTokens } from "../../auth/page-token.ts";
import { ApiError } from "../../errors/api-error.ts";
import { actorOf } from "../../interceptors/event-actor.ts";
import { canonicalJson } from "../config/canonical-json.ts";
import { targetUnusable } from "../errors.ts";
import type { RunLiveTest } from "../live-test/run-live-test.ts";
import type { ResolveTestTarget } from "../live-test/test-target.ts";
import type { TestTarget } from "../test-run.ts";

const defaultPageSize = 50;
const maxPageSize = 1000;

/**
 * Lists the resources (such as topics or databases) of a configuration's system. Throws DISCOVERY_NOT_SUPPORTED, and
 * TARGET_UNUSABLE with the report of a failure.
 */
export function discoverConnectionProfile(deps: {
  resolveTestTarget: ResolveTestTarget;
  runLiveTest: RunLiveTest;
  pageTokens: PageTokens;
}): MethodImpl<typeof ConnectionProfileService.method.discoverConnectionProfile> {
  return async (request, context) => {
    const caller = actorOf(context);
    const testTarget = await deps.resolveTestTarget(caller, request);
    if (testTarget?.connector.discover === undefined)
      throw discoveryNotSupported(testTarget?.connector.id ?? request.connector);
    const { parent, pageToken } = request;
    const pageSize = Math.min(request.pageSize || defaultPageSize, maxPageSize);
    const scope = JSON.stringify([
      "DiscoverConnectionProfile",
      caller.organizationId,
      configWithoutSecrets(testTarget),
      parent,
    ]);
    const cursor = pageToken === "" ? "" : String(deps.pageTokens.open(scope, pageToken).cursor);

    const discovery = { parent, pageSize, cursor };
    const { error, message, report, page } = await deps.runLiveTest({
      caller,
      testTarget,
      kind: "discovery",
      context,
      discovery,
    });
    if (error) throw targetUnusable({ error, message, report });
    const { resources, nextCursor } = page;
    const nextPageToken = nextCursor === "" ? "" : deps.pageTokens.seal(scope, { cursor: nextCursor });
    return { resources: [...resources], nextPageToken, report };
  };
}

/**
 * Returns the configuration without secrets, saved or not, for the scope of page tokens: a token stays valid when a secret is
 * sent again or rotated.
 */
function configWithoutSecrets({ withoutSecrets }: TestTarget): string {
  return canonicalJson(toJson(ConnectorConfigSchema, withoutSecrets));
}

function discoveryNotSupported(connector: string): ApiError {
  return new ApiError(
    ErrorReason.DISCOVERY_NOT_SUPPORTED,
    `what lies in a system of the connector ${JSON.stringify(connector)} cannot be listed`,
    { metadata: { connector } },
  );
}
