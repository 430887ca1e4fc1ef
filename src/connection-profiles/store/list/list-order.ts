import { fieldsInvalid } from "../../../errors/api-error.ts";

/** The sort order of profiles. */
export interface ProfileOrder {
  readonly by: "name" | "created_at" | "updated_at";
  readonly descending: boolean;
}

/**
 * Parses `order_by` (AIP-132): `name`, `created_at` or `updated_at`, with ` desc` for descending order. Default: `name`. Throws
 * FIELD_INVALID.
 */
export function parseListOrder(text: string): ProfileOrder {
  const match = /^\s*(name|created_at|updated_at)(?:\s+(asc|desc))?\s*$/.exec(text === "" ? "name" : text);
  const by = match?.[1];
  if (by !== "name" && by !== "created_at" && by !== "updated_at")
    throw fieldsInvalid({
      field: "order_by",
      description: "must be name, created_at or updated_at, with or without desc behind it",
    });
  return { by, descending: match?.[2] === "desc" };
}
