import type { Knex } from "knex";
import { runPrepared } from "../../database/run-prepared.ts";
import { type ConnectionRecord, connectionColumns } from "../connection-record.ts";
import { byId, byPair } from "./join-connection.ts";

/** The key of a connection: its id (active or not), or a pair with the lower user id first (the active connection only). */
export type ConnectionKey = { readonly organizationId: string } & (
  | { readonly id: string }
  | { readonly userId1: string; readonly userId2: string }
);

const columns = connectionColumns.replaceAll(/\b(id|user_id_[12])\b(?!")/g, "c.$1");

const statementById = `
  select item.ord, ${columns}
  from unnest(?::text[], ?::uuid[]) with ordinality as item (organization_id, id, ord)
  ${byId}`;

const statementByPair = `
  select item.ord, ${columns}
  from unnest(?::text[], ?::text[], ?::text[]) with ordinality as item (organization_id, user_id_1, user_id_2, ord)
  ${byPair}`;

/** Reads many connections with at most two statements. Returns undefined for each key without a connection. */
export async function findConnections(
  knex: Knex,
  keys: readonly ConnectionKey[],
): Promise<(ConnectionRecord | undefined)[]> {
  const found = new Array<ConnectionRecord | undefined>(keys.length).fill(undefined);
  const read = async (by: "id" | "pair", positions: number[], columns: ((key: ConnectionKey) => string)[]) => {
    if (positions.length === 0) return;
    const bindings = columns.map((column) => positions.map((position) => column(keys[position] as ConnectionKey)));
    const statement = by === "id" ? statementById : statementByPair;
    const rows = await runPrepared<ConnectionRecord & { ord: bigint }>(
      knex,
      `find-connections-by-${by}`,
      statement,
      bindings,
    );
    for (const { ord, ...record } of rows) found[positions[Number(ord) - 1] as number] = record;
  };
  const positionsWith = (name: string) =>
    [...keys.keys()].filter((position) => name in (keys[position] as ConnectionKey));
  await read("id", positionsWith("id"), [(key) => key.organizationId, (key) => ("id" in key ? key.id : "")]);
  await read("pair", positionsWith("userId1"), [
    (key) => key.organizationId,
    (key) => ("userId1" in key ? key.userId1 : ""),
    (key) => ("userId1" in key ? key.userId2 : ""),
  ]);
  return found;
}
