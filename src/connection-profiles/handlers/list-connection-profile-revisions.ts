import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import type { PageTokens } from "../../auth/page-token.ts";
import { principalKey } from "../../auth/principal.ts";
import { profileNotFound } from "../errors.ts";
import { hideFingerprints } from "../hide-fingerprints.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";

const defaultPageSize = 50;
const maxPageSize = 1000;

/** Lists the revisions of a profile, the newest first. Throws PROFILE_NOT_FOUND. */
export function listConnectionProfileRevisions(deps: {
  profiles: ProfileRepository;
  pageTokens: PageTokens;
}): MethodImpl<typeof ConnectionProfileService.method.listConnectionProfileRevisions> {
  return async ({ id, pageSize, pageToken }, context) => {
    const { organizationId } = context.values.get(principalKey);
    const scope = JSON.stringify(["ListConnectionProfileRevisions", organizationId, id]);
    const before = pageToken === "" ? undefined : BigInt(String(deps.pageTokens.open(scope, pageToken).revision));
    if ((await deps.profiles.find(organizationId, id)) === undefined) throw profileNotFound();
    const limit = Math.min(pageSize || defaultPageSize, maxPageSize);
    const { revisions, more } = await deps.profiles.revisions(organizationId, id, before, limit);
    const last = revisions.at(-1);
    for (const { connectionProfile } of revisions)
      if (connectionProfile !== undefined) hideFingerprints(context, connectionProfile);
    return {
      revisions: [...revisions],
      nextPageToken: more && last !== undefined ? deps.pageTokens.seal(scope, { revision: `${last.revision}` }) : "",
    };
  };
}
