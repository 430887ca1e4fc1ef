import type { Knex } from "knex";

/** The database answers but accepts no writes. The message has the cause, and may be shown to any caller. */
export class DatabaseReadOnly extends Error {}

interface State {
  readonly standby: boolean;
  readonly readOnly: string;
}

const statement = `select pg_is_in_recovery() as standby, current_setting('transaction_read_only') as "readOnly"`;

/** Throws DatabaseReadOnly for a standby, such as the old primary of a failover, and for a read-only database. */
export async function rejectReadOnly(knex: Knex): Promise<void> {
  const { rows } = await knex.raw<{ rows: State[] }>(statement);
  const [state] = rows;
  if (state?.readOnly === "off") return;
  throw new DatabaseReadOnly(
    state?.standby === true
      ? "the database is a standby, which takes no writes: the service needs the primary, or that this one is promoted"
      : "the database is set to read only (default_transaction_read_only): the service needs one that takes writes",
  );
}
