import type { JsonObject } from "@bufbuild/protobuf";
import type { Knex } from "knex";
import type { ConnectionProfile } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { deterministicUuid } from "../../database/deterministic-uuid.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import { fromRecord, toRecord } from "./profile-row.ts";
import type { DigestRequest } from "./request-digest.ts";
import { countSecretAttempt, refundSecretAttempt } from "./secret-attempts.ts";

/** A request that may be sent twice. */
export interface IdempotentRequest {
  /** The request_id of the caller, a UUID; empty: none. */
  readonly requestId: string;
  /** The request without its request_id, as canonical text: what is meant, however it is written. Contains secrets. */
  readonly body: string;
  /** The same as it is written, which former versions compared. */
  readonly formerBody: string;
}

/** A row of connection_profile_request. */
interface RequestRow {
  organization_id: string;
  request_id: string;
  body: string;
  record: JsonObject | string;
  created_at: Date;
}

/** The time for which replays of a request are recognized. */
const lifetime = "24 hours";

/**
 * Returns the profile of the first request with the same request_id; undefined when there is none. Throws REQUEST_ID_REUSED
 * when the caller's first request was a different one.
 */
export async function findReplay(
  knex: Knex,
  digest: DigestRequest,
  caller: RequestOwner,
  request: IdempotentRequest,
): Promise<ConnectionProfile | undefined> {
  if (request.requestId === "") return undefined;
  const key = keyOf(caller, request);
  const rows = await knex<RequestRow>("connection_profile_request")
    .where({ organization_id: caller.organizationId })
    .whereIn("request_id", [key, request.requestId])
    .whereRaw(`created_at >= now() - interval '${lifetime}'`);
  const own = rows.find((row) => row.request_id === key);
  const first = own ?? rows.find((row) => isOfFormerVersion(row, caller));
  if (first === undefined) return undefined;
  const texts = [request.body, request.formerBody].map((body) => (first === own ? digested(key, body) : body));
  const same = await knex.transaction(async (trx) => {
    // The comparison also compares secrets, so a mismatch counts as an attempt to guess them.
    await countSecretAttempt(trx, caller, key);
    const matches = (await Promise.all(texts.map((text) => digest.matches(first.body, text)))).includes(true);
    if (matches) await refundSecretAttempt(trx, caller, key);
    return matches;
  });
  if (!same) throw reused();
  return fromRecord(first.record);
}

/** The user to whom a request_id belongs. */
type RequestOwner = Pick<Actor, "organizationId" | "userId">;

/** Returns the key of a request's row, different for two users of an organization with the same request_id. */
function keyOf({ organizationId, userId }: RequestOwner, { requestId }: IdempotentRequest): string {
  return deterministicUuid(JSON.stringify(["profile request", organizationId, userId, requestId.toLowerCase()]));
}

/** Contains the key, so that no two rows have the same digest for the same secrets. */
function digested(key: string, body: string): string {
  return `${key} ${body}`;
}

/** A former version stored requests under the request_id itself. */
function isOfFormerVersion({ record }: RequestRow, { userId }: RequestOwner): boolean {
  return fromRecord(record).createdBy === userId;
}

/** Deletes expired requests, at most 100 at a time; rows locked by another transaction are skipped. */
const sweep = `
  delete from connection_profile_request where (organization_id, request_id) in (
    select organization_id, request_id from connection_profile_request
    where created_at < now() - interval '${lifetime}' order by created_at limit 100 for update skip locked)`;

/**
 * Runs `work` once per request_id: a replay returns the profile of the first request. A concurrent second request waits for the
 * first one's commit, by the primary key. Throws REQUEST_ID_REUSED when the caller's first request was a different one.
 */
export async function saveIdempotentRequest(
  trx: Knex.Transaction,
  digest: DigestRequest,
  caller: RequestOwner,
  request: IdempotentRequest,
  work: () => Promise<ConnectionProfile | undefined>,
): Promise<ConnectionProfile | undefined> {
  if (request.requestId === "") return work();
  const { organizationId } = caller;
  const key = keyOf(caller, request);
  const own = () =>
    trx<RequestRow>("connection_profile_request").where({ organization_id: organizationId, request_id: key });
  await own().whereRaw(`created_at < now() - interval '${lifetime}'`).delete();
  await trx.raw(sweep);
  const taken = await trx<RequestRow>("connection_profile_request")
    .insert({
      organization_id: organizationId,
      request_id: key,
      body: await digest.make(digested(key, request.body)),
      record: "{}",
      created_at: new Date(),
    })
    .onConflict(["organization_id", "request_id"])
    .ignore()
    .returning("request_id");
  if (taken.length === 0) return findReplay(trx, digest, caller, request);
  const profile = await work();
  // A request that wrote nothing is not replayed.
  if (profile === undefined) await own().delete();
  else await own().update({ record: JSON.stringify(toRecord(profile)) });
  return profile;
}

function reused(): ApiError {
  const description = "was used for another request: make a new one for each";
  return new ApiError(ErrorReason.REQUEST_ID_REUSED, `request_id: ${description}`, {
    fieldViolations: [{ field: "request_id", description }],
  });
}
