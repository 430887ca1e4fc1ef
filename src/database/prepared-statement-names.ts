import type { Knex } from "knex";
import type { Logger } from "pino";

/** The name of a prepared statement on the connections of a pool, in Knex's form. */
export interface PreparedName {
  readonly name: string;
}

/** The names of a pool's prepared statements. */
export interface PreparedNames {
  /** Returns the name of a statement; undefined: do not prepare it by name. */
  of(statement: string): PreparedName | undefined;
  /** Marks the prepared form as stale: every connection prepares the statement again, under a new name. */
  renew(statement: string, stale: PreparedName): void;
}

/** The property of Knex's `userParams` that a pool and its transactions share. */
const place = "preparedNames";

/**
 * The number of stale forms in a process after which no names are used: the cause is then no migration, but a pooler that has
 * begun to give each transaction another session, and each new form would remain in one of them.
 */
const maxRenewals = 100;

/** Returns Knex's `userParams` for `preparedNames`. With `prepare: false` no statement has a name. */
export function keepPreparedNames(prepare: boolean, log?: Logger): { readonly [place]: PreparedNames } {
  return { [place]: prepare ? createNames(log) : none };
}

/** Returns the names of a pool, or of a transaction's pool. */
export function preparedNames(knex: Knex): PreparedNames {
  return (knex.userParams as { readonly [place]?: PreparedNames })[place] ?? none;
}

const none: PreparedNames = { of: () => undefined, renew: () => {} };

function createNames(log: Logger | undefined): PreparedNames {
  const names = new Map<string, PreparedName>();
  let renewed = 0;
  return {
    of: (statement) => {
      if (renewed >= maxRenewals) return undefined;
      const known = names.get(statement);
      if (known !== undefined) return known;
      const first = { name: statement };
      names.set(statement, first);
      return first;
    },
    renew: (statement, stale) => {
      if (names.get(statement) !== stale) return; // another call was first
      renewed += 1;
      names.set(statement, { name: `${statement}.${renewed}` });
      if (renewed === maxRenewals)
        log?.warn(
          { renewed },
          "prepared statements are lost all the time, as behind a pooler that gives each transaction another session: none are used any more; set DATABASE_PREPARE=off",
        );
    },
  };
}
