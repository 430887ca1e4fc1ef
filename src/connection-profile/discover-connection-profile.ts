import { toJson } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import type { PageTokens } from "../auth/page-token.ts";
import { Failure } from "../failure.ts";
import { callerOf } from "../interceptors/caller.ts";
import type { ReadCandidate } from "./candidate.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { RunCandidate } from "./run-candidate.ts";
import { targetUnusable } from "./target-unusable.ts";
import type { TestTarget } from "./test-target-type.ts";

const defaultPageSize = 50;
const maxPageSize = 1000;

/** Lists what lies in the system that a configuration leads to. */
export function discoverConnectionProfile(deps: {
  readCandidate: ReadCandidate;
  runCandidate: RunCandidate;
  pageTokens: PageTokens;
}): MethodImpl<typeof ConnectionProfileService.method.discoverConnectionProfile> {
  return async (request, context) => {
    const caller = callerOf(context);
    const candidate = await deps.readCandidate(caller, request);
    if (candidate?.connector.discover === undefined)
      throw discoveryNotSupported(candidate?.connector.id ?? request.connector);
    const { parent, pageToken } = request;
    const pageSize = Math.min(request.pageSize || defaultPageSize, maxPageSize);
    const scope = JSON.stringify(["DiscoverConnectionProfile", caller.organizationId, bareConfig(candidate), parent]);
    const cursor = pageToken === "" ? "" : String(deps.pageTokens.open(scope, pageToken).cursor);

    const question = { parent, pageSize, cursor };
    const { error, message, report, page } = await deps.runCandidate({
      caller,
      candidate,
      kind: "discovery",
      context,
      question,
    });
    if (error) throw targetUnusable({ error, message, report });
    const { resources, nextCursor } = page;
    const nextPageToken = nextCursor === "" ? "" : deps.pageTokens.seal(scope, { cursor: nextCursor });
    return { resources: [...resources], nextPageToken, report };
  };
}

/** Where the question leads, saved or not: a secret that is typed anew, or rotated, is the same question. */
function bareConfig({ bare }: TestTarget): string {
  return canonicalJson(toJson(ConnectorConfigSchema, bare));
}

function discoveryNotSupported(connector: string): Failure {
  return new Failure(
    ErrorReason.DISCOVERY_NOT_SUPPORTED,
    `what lies in a system of the connector ${JSON.stringify(connector)} cannot be listed`,
    { metadata: { connector } },
  );
}
