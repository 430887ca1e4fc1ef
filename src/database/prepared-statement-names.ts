import type { Knex } from "knex";
import type { Logger } from "pino";

/** The name that a statement has on the connections of a pool, in the form that Knex takes. */
export interface PreparedName {
  readonly name: string;
}

/** Under which names the statements of a pool are prepared. */
export interface PreparedNames {
  /** Undefined: it is not to be prepared by name. */
  of(statement: string): PreparedName | undefined;
  /** What is prepared under this name is of no use any more: every connection prepares the statement again, under another one. */
  renew(statement: string, stale: PreparedName): void;
}

/** Where Knex keeps what belongs to a pool and to the transactions of it. */
const place = "preparedNames";

/**
 * So many forms in the life of a process were of no use any more: that is no migration, but a pooler that has begun to give each
 * transaction another session, and each new form would stay in one of them.
 */
const mostRenewals = 100;

/** What `preparedNames` finds again, as Knex's `userParams`. */
export function keepPreparedNames(prepare: boolean, log?: Logger): { readonly [place]: PreparedNames } {
  return { [place]: prepare ? createNames(log) : none };
}

/** The names of a pool, or of the one that a transaction belongs to. */
export function preparedNames(knex: Knex): PreparedNames {
  return (knex.userParams as { readonly [place]?: PreparedNames })[place] ?? none;
}

const none: PreparedNames = { of: () => undefined, renew: () => {} };

function createNames(log: Logger | undefined): PreparedNames {
  const names = new Map<string, PreparedName>();
  let renewed = 0;
  return {
    of: (statement) => {
      if (renewed >= mostRenewals) return undefined;
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
      if (renewed === mostRenewals)
        log?.warn(
          { renewed },
          "prepared statements are lost all the time, as behind a pooler that gives each transaction another session: none are used any more; set DATABASE_PREPARE=off",
        );
    },
  };
}
