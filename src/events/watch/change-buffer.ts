/** A change with its revision. */
export interface HasRevision {
  readonly revision: bigint;
}

/** Changes in order, and the revision up to which the log was read for them. */
export interface ChangeBatch<Change> {
  readonly changes: readonly Change[];
  readonly revision: bigint;
}

/** The latest changes of an organization, shared by all subscriptions. */
export interface ChangeBuffer<Change> {
  /** The revision up to which the log was read. */
  readonly position: bigint;
  /** Adds changes read after `position`; the oldest are dropped above `max`. */
  add(step: ChangeBatch<Change>, max: number): void;
  /**
   * Returns the changes after a revision, at most `limit`. Undefined when some of them were dropped: read them from the log.
   */
  after(revision: bigint, limit: number): ChangeBatch<Change> | undefined;
}

/** Returns an empty buffer for changes after `position`. */
export function createChangeBuffer<Change extends HasRevision>(position: bigint): ChangeBuffer<Change> {
  const kept: Change[] = [];
  let end = position;
  let start = position; // all changes after it are in `kept`
  return {
    get position() {
      return end;
    },
    add: ({ changes, revision }, max) => {
      kept.push(...changes);
      end = revision;
      const forgotten = kept.splice(0, Math.max(kept.length - max, 0)).at(-1);
      if (forgotten !== undefined) start = forgotten.revision;
    },
    after: (revision, limit) => {
      if (revision < start) return undefined;
      let first = kept.length;
      while (first > 0 && (kept[first - 1] as Change).revision > revision) first -= 1;
      const changes = kept.slice(first, first + limit);
      const last = changes.at(-1);
      // A reader that is ahead of this buffer keeps its position.
      const reached = first + limit < kept.length && last !== undefined ? last.revision : end;
      return { changes, revision: reached > revision ? reached : revision };
    },
  };
}
