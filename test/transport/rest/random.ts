/** Numbers and choices that a seed repeats. */
export interface Random {
  /** From 0 to less than `below`. */
  readonly number: (below: number) => number;
  readonly pick: <T>(from: readonly T[]) => T;
  /** True once in `n` times. */
  readonly onceIn: (n: number) => boolean;
}

/** Mulberry32, by Tommy Ettinger: small, and good enough to choose what to break next. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const number = (below: number) => Math.floor(next() * below);
  return { number, pick: (from) => from[number(from.length)] as never, onceIn: (n) => number(n) === 0 };
}
