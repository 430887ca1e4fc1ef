import type { Knex } from "knex";
import type { KeyRing } from "../keys/key-ring.ts";

/** Dependencies of the steps of a rotation. */
export interface Rotation {
  readonly knex: Knex;
  readonly keys: KeyRing;
  /** Prints a line of progress. */
  readonly print: (line: string) => void;
  /** Collects unreadable rows, each once. */
  readonly unreadable: UnreadableSet;
  /** Aborts after the current batch. The next rotation continues from there, whatever the cause of the end. */
  readonly signal: AbortSignal;
  /** The number of rows that a transaction locks. */
  readonly batch: number;
}

/** Prints unreadable rows, each once: every pass reads them again. */
export interface UnreadableSet {
  readonly count: number;
  addDataKey(key: { readonly organization_id: string; readonly id: string }, problem: string): void;
  addSecret(secret: { organization_id: string; profile_id: string; path: string }, problem: string): void;
}

/** Returns an empty set that prints each addition. */
export function createUnreadableSet(print: (line: string) => void): UnreadableSet {
  const seen = new Set<string>();
  const add = (name: string, problem: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    print(`cannot be read (${problem}): ${name}`);
  };
  return {
    get count() {
      return seen.size;
    },
    addDataKey: ({ organization_id, id }, problem) => add(`organization ${organization_id}, data key ${id}`, problem),
    addSecret: ({ organization_id, profile_id, path }, problem) =>
      add(`organization ${organization_id}, profile ${profile_id}, ${path}`, problem),
  };
}
