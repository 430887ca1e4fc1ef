import type { Database } from "./database.ts";
import type { Group } from "./groups.ts";
import type { Window } from "./load/drive.ts";
import type { Measure } from "./load/measure.ts";

/** What every acknowledged call of a row leaves one of, and in which database. */
export interface Writes {
  readonly database: Database;
  readonly kind: "connection" | "profile" | "test";
}

/** A line of the table and how to measure it once. */
export interface Row {
  readonly group: Group;
  readonly call: string;
  readonly by: string;
  readonly callers: number;
  /** What the product's rate divided by this row's must at least be; absent where nothing is asked. */
  readonly bar?: number;
  /** What each of its calls writes; absent when they only read. */
  readonly writes?: Writes;
  slice(window: Window): Promise<Measure>;
}

/** A row with what it came to in each round. */
export interface Measured {
  readonly row: Row;
  readonly slices: readonly Measure[];
}
