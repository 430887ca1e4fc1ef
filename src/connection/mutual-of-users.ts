import { readFileSync } from "node:fs";
import type { Knex } from "knex";

/** A user who is connected to both of two users, and by which connections. */
export interface Mutual {
  readonly userId: string;
  readonly connectionId: string;
  readonly otherConnectionId: string;
}

/** Whose mutual connections are wanted: at most `limit`, those with an id after `after`. */
export interface MutualWanted {
  readonly organizationId: string;
  readonly userId: string;
  readonly otherUserId: string;
  readonly limit: number;
  readonly after: string;
}

const statement = readFileSync(new URL("mutual-of-users.sql", import.meta.url), "utf8");

/** The users who are connected to both of two users, in the order of their ids. */
export async function mutualOfUsers(knex: Knex, wanted: MutualWanted): Promise<Mutual[]> {
  const { rows } = await knex.raw<{ rows: Mutual[] }>(statement, { ...wanted });
  return rows;
}
