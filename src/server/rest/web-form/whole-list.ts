import type { Message } from "@bufbuild/protobuf";
import { isMessage } from "@bufbuild/protobuf";
import {
  type ListConnectionProfilesRequest,
  ListConnectionProfilesRequestSchema,
  ListConnectionProfilesResponseSchema,
} from "../../../../gen/connectory/v1/connection_profile_service_pb.js";

const pageSize = 1000;
/** A list has at most this many pages, of at most 2 MB each; a longer one has a token for the rest. */
const maxPages = 10;

/**
 * Makes a request of the form for profiles, which does not page, one for all of them, the newest change first. Returns whether it
 * is such a request.
 */
export function askForWhole(request: Message): request is ListConnectionProfilesRequest {
  if (!isMessage(request, ListConnectionProfilesRequestSchema)) return false;
  if (request.pageSize !== 0 || request.pageToken !== "") return false;
  request.pageSize = pageSize;
  if (request.orderBy === "") request.orderBy = "updated_at desc";
  return true;
}

/** Adds the further pages to the first one. `readPage` runs the request again, with the token of the next page. */
export async function completeList(
  request: ListConnectionProfilesRequest,
  first: Message,
  readPage: (request: ListConnectionProfilesRequest) => Promise<Message>,
): Promise<void> {
  if (!isMessage(first, ListConnectionProfilesResponseSchema)) return;
  for (let pages = 1; first.nextPageToken !== "" && pages < maxPages; pages++) {
    const next = await readPage({ ...request, pageToken: first.nextPageToken });
    if (!isMessage(next, ListConnectionProfilesResponseSchema)) return;
    for (const profile of next.connectionProfiles) first.connectionProfiles.push(profile);
    first.nextPageToken = next.nextPageToken;
  }
}
