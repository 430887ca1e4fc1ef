/** A limit of concurrent holders. */
export interface Limit {
  /** The limited resource, such as `organization acme`. */
  readonly key: string;
  readonly max: number;
  /**
   * True: when the limit is reached, an owner with fewer holders than another evicts the newest holder of the owner with most.
   * Default: false.
   */
  readonly shared?: boolean;
  /** Returns the error for an acquisition above the limit. */
  refuse(max: number): Error;
}

/** A holder to be counted, and its limits. */
export interface Acquisition {
  /** The owner of the holder; owners have equal shares of a shared limit. */
  readonly owner: string;
  /** The limits to acquire, all or none. */
  readonly limits: readonly Limit[];
  /** Called when the holder is evicted for an owner with fewer; it is released by then. Default: none. */
  evict?(): void;
}

/** Limits the concurrent holders of resources, all or none of each acquisition. */
export interface ConcurrencyLimiter {
  /**
   * Acquires all limits. Returns the function that releases them (idempotent). Throws the error of the first limit that is
   * reached and has no share left for this owner.
   */
  acquire(acquisition: Acquisition): () => void;
}

/** Holders of one key by owner, the oldest first. */
interface Holders {
  readonly byOwner: Map<string, Set<Acquisition>>;
  count: number;
}

/**
 * Returns a limiter that counts holders per key. Each owner can have an equal share of a shared limit, in whatever order they
 * acquire. Evictions end, because one only happens where it makes the numbers of the two owners more equal.
 */
export function createConcurrencyLimiter(): ConcurrencyLimiter {
  const held = new Map<string, Holders>();

  const add = (acquisition: Acquisition, key: string) => {
    const holders = held.get(key) ?? { byOwner: new Map<string, Set<Acquisition>>(), count: 0 };
    const own = holders.byOwner.get(acquisition.owner) ?? new Set();
    holders.byOwner.set(acquisition.owner, own.add(acquisition));
    holders.count += 1;
    held.set(key, holders);
  };
  const release = (acquisition: Acquisition) => {
    for (const { key } of acquisition.limits) {
      const holders = held.get(key);
      const own = holders?.byOwner.get(acquisition.owner);
      if (holders === undefined || own?.delete(acquisition) !== true) continue;
      if (own.size === 0) holders.byOwner.delete(acquisition.owner);
      holders.count -= 1;
      if (holders.count === 0) held.delete(key);
    }
  };
  /** Returns the holder that a new one of this owner evicts; undefined below the limit. */
  const displaced = ({ key, max, shared = false, refuse }: Limit, owner: string): Acquisition | undefined => {
    const holders = held.get(key);
    if ((holders?.count ?? 0) < max) return undefined;
    const own = holders?.byOwner.get(owner)?.size ?? 0;
    let largest: ReadonlySet<Acquisition> | undefined;
    if (shared)
      for (const one of holders?.byOwner.values() ?? []) if (one.size > (largest?.size ?? own + 1)) largest = one;
    const newest = largest === undefined ? undefined : [...largest].at(-1);
    if (newest === undefined) throw refuse(max);
    return newest;
  };

  return {
    acquire: (acquisition) => {
      const { owner, limits } = acquisition;
      const evicted = limits.map((limit) => displaced(limit, owner)).filter((one) => one !== undefined);
      for (const one of evicted) {
        release(one);
        one.evict?.();
      }
      for (const { key } of limits) add(acquisition, key);
      return () => release(acquisition);
    },
  };
}
