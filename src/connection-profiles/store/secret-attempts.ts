import type { Knex } from "knex";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import type { Actor } from "../../interceptors/event-actor.ts";

/**
 * The limit of attempts of a user at one subject, over all servers: 30 at once, then one per minute. Manual and automatic
 * rotation of secrets stays below it; guessing four digits takes a week.
 */
const atOnce = 30;
const oneAttempt = "1 minute";

// A `free_at` further ahead than attempts can set it (with a margin for transactions that wait for each other) means that the
// database's clock was set back; it is ignored.
const freeAt = `case when known.free_at > now() + ${2 * atOnce} * interval '${oneAttempt}' then now()
  else greatest(known.free_at, now()) end`;

// Rows that are free again are deleted, except those locked by other transactions: the delete must not wait.
const take = `
  with swept as (
    delete from secret_attempt where (organization_id, subject, user_id) in (
      select organization_id, subject, user_id from secret_attempt
      where free_at < now() and (organization_id, subject, user_id) <> (:organization, :subject, :user)
      order by free_at limit 20 for update skip locked)
  )
  insert into secret_attempt as known (organization_id, subject, user_id, free_at)
  values (:organization, :subject, :user, now() + interval '${oneAttempt}')
  on conflict (organization_id, subject, user_id) do update
    set free_at = ${freeAt} + interval '${oneAttempt}'
    where ${freeAt} <= now() + ${atOnce - 1} * interval '${oneAttempt}'
  returning free_at`;

const wait = `
  select extract(epoch from free_at - ${atOnce - 1} * interval '${oneAttempt}' - now()) * 1000 as ms from secret_attempt
  where organization_id = :organization and subject = :subject and user_id = :user`;

const giveBack = `
  update secret_attempt set free_at = free_at - interval '${oneAttempt}'
  where organization_id = :organization and subject = :subject and user_id = :user`;

type Attempting = Pick<Actor, "organizationId" | "userId">;

/**
 * Counts an attempt of a caller at secrets; concurrent ones at the same subject wait until the transaction ends. Throws
 * TOO_MANY_ATTEMPTS, with the time of the next attempt, above the limit.
 */
export async function countSecretAttempt(trx: Knex.Transaction, caller: Attempting, subject: string): Promise<void> {
  const { rows } = await trx.raw<{ rows: unknown[] }>(take, named(caller, subject));
  if (rows.length > 0) return;
  const waiting = await trx.raw<{ rows: { ms: string }[] }>(wait, named(caller, subject));
  throw new ApiError(
    ErrorReason.TOO_MANY_ATTEMPTS,
    `secrets of this profile or request were sent ${atOnce} times in a short time: one more is taken each minute`,
    { retryAfterMs: Math.max(1000, Math.ceil(Number(waiting.rows[0]?.ms ?? 0))) },
  );
}

/** Reverts `countSecretAttempt` of the same transaction. */
export async function refundSecretAttempt(trx: Knex.Transaction, caller: Attempting, subject: string): Promise<void> {
  await trx.raw(giveBack, named(caller, subject));
}

function named({ organizationId, userId }: Attempting, subject: string) {
  return { organization: organizationId, subject, user: userId };
}
