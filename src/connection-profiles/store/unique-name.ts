import type { Knex } from "knex";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { profilesOf } from "./read-profile.ts";

/** The unique index of names, and PostgreSQL's SQLSTATE for its violation. */
const index = "connection_profile_name";
const uniqueViolation = "23505";

/**
 * Runs a write that uses a name. If another profile has the name (the write returns undefined, or the unique index rejects it)
 * throws PROFILE_NAME_TAKEN with that profile's id; if that profile no longer has it, the write is repeated.
 */
export async function mapUniqueNameViolation<T>(
  knex: Knex,
  organizationId: string,
  name: string,
  write: () => Promise<T | undefined>,
): Promise<T> {
  for (;;) {
    const written = await write().catch((error: unknown) => {
      if (isNameTaken(error)) return undefined;
      throw error;
    });
    if (written !== undefined) return written;
    await requireUniqueName(knex, organizationId, name);
  }
}

/** Throws PROFILE_NAME_TAKEN when a profile has the name, other than that with `ownId` (default: empty, none). */
export async function requireUniqueName(knex: Knex, organizationId: string, name: string, ownId = ""): Promise<void> {
  const holder = await profilesOf(knex, organizationId).where({ name }).whereNull("deleted_at").first("id");
  if (holder === undefined || holder.id === ownId) return;
  throw new ApiError(
    ErrorReason.PROFILE_NAME_TAKEN,
    `name: ${holder.id} has the name ${JSON.stringify(name)} already`,
    {
      metadata: { id: holder.id },
      fieldViolations: [{ field: "name", description: "belongs to another profile" }],
    },
  );
}

function isNameTaken(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    error.code === uniqueViolation &&
    "constraint" in error &&
    error.constraint === index
  );
}
