import type { Knex } from "knex";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { runPrepared } from "../../database/run-prepared.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { NewConnection } from "../connection-record.ts";
import { byId, byPair } from "./join-connection.ts";

interface Conflict {
  readonly ord: bigint;
  readonly pairId: string | null;
  readonly idTaken: boolean;
}

const statement = `
  select
    item.ord,
    pair.id as "pairId",
    same.id is not null as "idTaken"
  from unnest(?::text[], ?::uuid[], ?::text[], ?::text[])
    with ordinality as item (organization_id, id, user_id_1, user_id_2, ord)
  left join lateral (select c.id from (select item.*) as item ${byPair}) as pair on true
  left join lateral (select c.id from (select item.*) as item ${byId}) as same on true`;

/**
 * Returns the conflict of each connection that could not be inserted: CONNECTION_ALREADY_EXISTS or CONNECTION_ID_TAKEN. A
 * connection without an entry has no conflict any more.
 */
export async function findConflicts(
  knex: Knex,
  items: readonly NewConnection[],
): Promise<Map<NewConnection, ApiError>> {
  const found = new Map<NewConnection, ApiError>();
  if (items.length === 0) return found;
  const rows = await runPrepared<Conflict>(knex, "find-conflicts", statement, [
    items.map(({ caller }) => caller.organizationId),
    items.map((item) => item.record.id),
    items.map((item) => item.record.userId1),
    items.map((item) => item.record.userId2),
  ]);
  for (const { ord, pairId, idTaken } of rows) {
    const item = items[Number(ord) - 1] as NewConnection;
    if (pairId !== null) found.set(item, pairConnected(pairId));
    else if (idTaken) found.set(item, idIsTaken(item.record.id));
  }
  return found;
}

function pairConnected(id: string): ApiError {
  return new ApiError(
    ErrorReason.CONNECTION_ALREADY_EXISTS,
    `the two users are connected already, by connection ${id}`,
    {
      metadata: { id },
      fieldViolations: [
        { field: "user_id_1", description: "is connected with user_id_2 already" },
        { field: "user_id_2", description: "is connected with user_id_1 already" },
      ],
    },
  );
}

function idIsTaken(id: string): ApiError {
  return new ApiError(
    ErrorReason.CONNECTION_ID_TAKEN,
    `connection_id: another connection has the id ${id}: choose another one, or leave it out`,
    { metadata: { id }, fieldViolations: [{ field: "connection_id", description: "belongs to another connection" }] },
  );
}
