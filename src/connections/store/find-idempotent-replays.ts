import type { JsonObject } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Knex } from "knex";
import type { Connection } from "../../../gen/connectory/v1/connection_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { runPrepared } from "../../database/run-prepared.ts";
import { ApiError } from "../../errors/api-error.ts";
import { connectionFromEvent } from "../connection-from-event.ts";
import type { InsertedConnection, NewConnection } from "../connection-record.ts";

type Repeatable = NewConnection & Required<Pick<NewConnection, "idempotency">>;

interface FirstEvent {
  readonly ord: bigint;
  readonly revision: bigint;
  readonly actor: string;
  readonly data: JsonObject;
}

// The condition on the UUID version is that of the index event_of_request.
const statement = `
  select item.ord, event.revision, event.actor, event.data
  from unnest(?::text[], ?::uuid[]) with ordinality as item (organization_id, event_id, ord)
  join event on event.organization_id = item.organization_id and event.id = item.event_id
    and get_byte(uuid_send(event.id), 6) >> 4 = 8`;

/** OF_ANOTHER: another user of the organization has used the request_id, so its event is no replay for this caller. */
type Repeated = InsertedConnection | ApiError | "OF_ANOTHER";

/**
 * Finds the first writes under the same request_ids, for creates that could not be inserted. Returns the result of the first
 * request, or REQUEST_ID_REUSED when that was a different request of the same user. A create without an entry is no replay.
 */
export async function findIdempotentReplays(
  knex: Knex,
  items: readonly NewConnection[],
): Promise<Map<NewConnection, Repeated>> {
  const found = new Map<NewConnection, Repeated>();
  const repeatable = items.filter((item): item is Repeatable => item.idempotency !== undefined);
  if (repeatable.length === 0) return found;
  const rows = await runPrepared<FirstEvent>(knex, "find-idempotent-replays", statement, [
    repeatable.map(({ caller }) => caller.organizationId),
    repeatable.map((item) => item.idempotency.eventId),
  ]);
  for (const { ord, revision, actor, data } of rows) {
    const item = repeatable[Number(ord) - 1] as Repeatable;
    if (actor !== item.caller.userId) found.set(item, "OF_ANOTHER");
    else {
      const first = connectionFromEvent(data);
      found.set(item, isSame(item, first) ? { revision, first } : reused());
    }
  }
  return found;
}

/** Returns whether the request would write the same connection as the first request. */
function isSame({ record, idempotency }: Repeatable, first: Connection): boolean {
  const { connectedSince, createdAt } = first;
  const sameTime =
    connectedSince !== undefined &&
    createdAt !== undefined &&
    timestampMs(connectedSince) === (idempotency.sinceNow ? timestampMs(createdAt) : record.connectedSince.getTime());
  return sameTime && record.id === first.id && record.userId1 === first.userId1 && record.userId2 === first.userId2;
}

function reused(): ApiError {
  const description = "was used for another request: make a new one for each";
  return new ApiError(ErrorReason.REQUEST_ID_REUSED, `request_id: ${description}`, {
    fieldViolations: [{ field: "request_id", description }],
  });
}
