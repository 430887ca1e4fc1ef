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

/** A request that may come twice. */
export interface IdempotentRequest {
  /** The caller's UUID for it; empty when the caller sent none. */
  readonly requestId: string;
  /** All of it but the id, as text that is the same for the same request. Holds secrets. */
  readonly body: string;
}

/** A row of connection_profile_request. */
interface RequestRow {
  organization_id: string;
  request_id: string;
  body: string;
  record: JsonObject | string;
  created_at: Date;
}

/** How long a request is known again. */
const lifetime = "24 hours";

/** What a request was answered that came before. Throws REQUEST_ID_REUSED when another request of the caller has the id. */
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
  const text = first === own ? digested(key, request) : request.body;
  const same = await knex.transaction(async (trx) => {
    // Whether a request is the same tells whether the secrets in it are: what is not is an attempt at them.
    await countSecretAttempt(trx, caller, key);
    const matches = await digest.matches(first.body, text);
    if (matches) await refundSecretAttempt(trx, caller, key);
    return matches;
  });
  if (!same) throw reused();
  return fromRecord(first.record);
}

/** Who a request_id belongs to. */
type RequestOwner = Pick<Actor, "organizationId" | "userId">;

/** What a request is kept under: two users of an organization may use the same request_id without knowing of each other. */
function keyOf({ organizationId, userId }: RequestOwner, { requestId }: IdempotentRequest): string {
  return deterministicUuid(JSON.stringify(["profile request", organizationId, userId, requestId.toLowerCase()]));
}

/** With the key, so that no two rows have the same digest for the same secrets. */
function digested(key: string, { body }: IdempotentRequest): string {
  return `${key} ${body}`;
}

/** A former version kept requests under the request_id itself. */
function isOfFormerVersion({ record }: RequestRow, { userId }: RequestOwner): boolean {
  return fromRecord(record).createdBy === userId;
}

/** Requests that are not known again any more, some at a time; one that another transaction uses is left for later. */
const sweep = `
  delete from connection_profile_request where (organization_id, request_id) in (
    select organization_id, request_id from connection_profile_request
    where created_at < now() - interval '${lifetime}' order by created_at limit 100 for update skip locked)`;

/**
 * Does the work of a request once: a repetition gets the first one's profile, as it was answered then. Of two at once the
 * second waits for the first's end, by the primary key. Throws REQUEST_ID_REUSED when another request of the caller has the id.
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
      body: await digest.make(digested(key, request)),
      record: "{}",
      created_at: new Date(),
    })
    .onConflict(["organization_id", "request_id"])
    .ignore()
    .returning("request_id");
  if (taken.length === 0) return findReplay(trx, digest, caller, request);
  const profile = await work();
  // What wrote nothing is no answer to repeat.
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
