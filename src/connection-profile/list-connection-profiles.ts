import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import type { PageTokens } from "../auth/page-token.ts";
import { principalKey } from "../auth/principal.ts";
import type { ProfileRepository } from "./profile-repository.ts";

const defaultPageSize = 50;
const maxPageSize = 1000;

/** Lists the organization's profiles by name, without their secrets. */
export function listConnectionProfiles(deps: {
  profiles: ProfileRepository;
  pageTokens: PageTokens;
}): MethodImpl<typeof ConnectionProfileService.method.listConnectionProfiles> {
  return async (request, context) => {
    const { organizationId } = context.values.get(principalKey);
    const scope = JSON.stringify(["ListConnectionProfiles", organizationId]);
    const pageSize = Math.min(request.pageSize || defaultPageSize, maxPageSize);
    const after = request.pageToken === "" ? "" : String(deps.pageTokens.open(scope, request.pageToken).name);
    const { profiles, more } = await deps.profiles.list(organizationId, after, pageSize);
    const last = profiles.at(-1);
    return {
      connectionProfiles: [...profiles],
      nextPageToken: more && last !== undefined ? deps.pageTokens.seal(scope, { name: last.name }) : "",
    };
  };
}
