import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";
import type { SavedProfile } from "./read-profile.ts";

/** The same for what never was, what is expunged and what another organization has. */
export function profileNotFound(): Failure {
  return new Failure(ErrorReason.PROFILE_NOT_FOUND, "your organization has no such connection profile");
}

/** The profile when it is there and not deleted; else throws PROFILE_NOT_FOUND or PROFILE_DELETED. */
export function mustBeThere(saved: SavedProfile | undefined): SavedProfile {
  if (saved === undefined) throw profileNotFound();
  if (saved.profile.deletedAt !== undefined)
    throw new Failure(ErrorReason.PROFILE_DELETED, "the profile is deleted: undelete it first");
  return saved;
}
