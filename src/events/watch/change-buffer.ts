/** Something that happened, under its revision. */
export interface HasRevision {
  readonly revision: bigint;
}

/** Some changes in order, and how far one has come with them. */
export interface ChangeBatch<Change> {
  readonly changes: readonly Change[];
  readonly revision: bigint;
}

/** The last changes of an organization, kept for all who follow it. */
export interface ChangeBuffer<Change> {
  /** The revision up to which the log was read. */
  readonly position: bigint;
  /** Adds what was read after `position`; of more than `most` the oldest are forgotten. */
  add(step: ChangeBatch<Change>, most: number): void;
  /** What came after a revision, at most `limit`. Undefined when that is not kept any more: read it from the log. */
  after(revision: bigint, limit: number): ChangeBatch<Change> | undefined;
}

/** Keeps what comes after `position`. */
export function createChangeBuffer<Change extends HasRevision>(position: bigint): ChangeBuffer<Change> {
  const kept: Change[] = [];
  let end = position;
  let start = position; // what came after it is all in `kept`
  return {
    get position() {
      return end;
    },
    add: ({ changes, revision }, most) => {
      kept.push(...changes);
      end = revision;
      const forgotten = kept.splice(0, Math.max(kept.length - most, 0)).at(-1);
      if (forgotten !== undefined) start = forgotten.revision;
    },
    after: (revision, limit) => {
      if (revision < start) return undefined;
      let first = kept.length;
      while (first > 0 && (kept[first - 1] as Change).revision > revision) first -= 1;
      const changes = kept.slice(first, first + limit);
      const last = changes.at(-1);
      // One who is ahead of what was read here stays where he is.
      const reached = first + limit < kept.length && last !== undefined ? last.revision : end;
      return { changes, revision: reached > revision ? reached : revision };
    },
  };
}
