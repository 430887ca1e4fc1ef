import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { MethodImpl } from "@connectrpc/connect";
import type { ConnectionProfile } from "../../../gen/connectory/v1/connection_profile_pb.js";
import type { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import type { PageTokens } from "../../auth/page-token.ts";
import { principalKey } from "../../auth/principal.ts";
import { hideFingerprints } from "../hide-fingerprints.ts";
import { parseListFilter } from "../store/list/list-filter.ts";
import { type ProfileOrder, parseListOrder } from "../store/list/list-order.ts";
import type { ProfileRepository } from "../store/profile-repository.ts";

const defaultPageSize = 50;
const maxPageSize = 1000;

/** Lists the organization's profiles, without their secrets. Throws FIELD_INVALID for an invalid filter or order. */
export function listConnectionProfiles(deps: {
  profiles: ProfileRepository;
  pageTokens: PageTokens;
}): MethodImpl<typeof ConnectionProfileService.method.listConnectionProfiles> {
  return async ({ pageSize, pageToken, filter, orderBy, showDeleted }, context) => {
    const { organizationId } = context.values.get(principalKey);
    const terms = parseListFilter(filter);
    const order = parseListOrder(orderBy);
    // A token is bound to the parsed filter and order, not to their spelling.
    const scope = JSON.stringify(["ListConnectionProfiles", organizationId, terms, order, showDeleted]);
    const cursor = pageToken === "" ? undefined : deps.pageTokens.open(scope, pageToken);
    const { profiles, more } = await deps.profiles.list(organizationId, {
      terms,
      order,
      showDeleted,
      after: cursor === undefined ? undefined : { value: String(cursor.value), id: String(cursor.id) },
      limit: Math.min(pageSize || defaultPageSize, maxPageSize),
    });
    const last = profiles.at(-1);
    const nextPageToken =
      more && last !== undefined ? deps.pageTokens.seal(scope, { value: sortValue(order, last), id: last.id }) : "";
    return { connectionProfiles: profiles.map((profile) => hideFingerprints(context, profile)), nextPageToken };
  };
}

function sortValue({ by }: ProfileOrder, { name, createdAt, updatedAt }: ConnectionProfile): string {
  if (by === "name") return name;
  const time = by === "created_at" ? createdAt : updatedAt;
  // Stored times have millisecond precision.
  return time === undefined ? "" : timestampDate(time).toISOString();
}
