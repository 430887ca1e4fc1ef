import type { Knex } from "knex";
import type { KeyRing } from "../keys/key-ring.ts";

/** What the steps of a rotation work with. */
export interface Rotation {
  readonly knex: Knex;
  readonly keys: KeyRing;
  /** For lines of progress. */
  readonly print: (line: string) => void;
  /** Gets what cannot be read, once each. */
  readonly unreadable: UnreadableSet;
  /** Ends it after the batch that is being written. Whatever ends it, the next one goes on from there. */
  readonly signal: AbortSignal;
  /** How many rows a transaction locks. */
  readonly batch: number;
}

/** Names what a rotation could not read, once each: it is met again in every pass. */
export interface UnreadableSet {
  readonly count: number;
  addDataKey(key: { readonly organization_id: string; readonly id: string }, problem: string): void;
  addSecret(secret: { organization_id: string; profile_id: string; path: string }, problem: string): void;
}

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
