/** Numbers that follow from a seed alone. */
export interface Random {
  /** From 0, below 1. */
  next(): number;
  /** A whole number from 0, below `count`. */
  below(count: number): number;
  pick<T>(all: readonly T[]): T;
  /** True once in `n` times. */
  onceIn(n: number): boolean;
}

/** Mulberry32, by Tommy Ettinger: small, and good enough to choose what to break next. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (count: number) => Math.floor(next() * count);
  return {
    next,
    below,
    pick: (all) => {
      const one = all[below(all.length)];
      if (one === undefined) throw new Error("there is nothing to pick from");
      return one;
    },
    onceIn: (n) => below(n) === 0,
  };
}
