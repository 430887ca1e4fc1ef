/** A limit on how many hold something at once. */
export interface Limit {
  /** What is held, such as `organization acme`. */
  readonly key: string;
  readonly max: number;
  /** When it is reached, an owner with fewer holders than another takes the newest holder of the owner with most. */
  readonly shared?: boolean;
  /** Why nothing more can be acquired. */
  refuse(max: number): Error;
}

export interface Acquisition {
  /** Whose holder it is: owners have equal shares of a shared limit. */
  readonly owner: string;
  /** All of them are counted, or none. */
  readonly limits: readonly Limit[];
  /** Called when it is taken away for an owner with fewer; it is not counted any more by then. */
  evict?(): void;
}

export interface ConcurrencyLimiter {
  /**
   * Returns the function that releases it (calling it twice is no harm). Throws what the first limit says that is reached
   * and leaves no share to this owner.
   */
  acquire(acquisition: Acquisition): () => void;
}

/** Holders of one key by their owner, the oldest first. */
interface Holders {
  readonly byOwner: Map<string, Set<Acquisition>>;
  count: number;
}

/**
 * Counts who holds what. Of a shared limit each owner can have an equal share, whoever came first. Eviction comes to an end,
 * because it only happens where it makes the two owners more equal.
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
  /** Whom a new holder of this owner takes the place of; undefined where there is room. */
  const displaced = ({ key, max, shared = false, refuse }: Limit, owner: string): Acquisition | undefined => {
    const holders = held.get(key);
    if ((holders?.count ?? 0) < max) return undefined;
    const own = holders?.byOwner.get(owner)?.size ?? 0;
    let most: ReadonlySet<Acquisition> | undefined;
    if (shared) for (const one of holders?.byOwner.values() ?? []) if (one.size > (most?.size ?? own + 1)) most = one;
    const newest = most === undefined ? undefined : [...most].at(-1);
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
