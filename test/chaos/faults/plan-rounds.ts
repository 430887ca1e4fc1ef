import type { Random } from "../../support/random.ts";
import type { Fault } from "./fault.ts";

/** The faults of a round, and how long they are held, in milliseconds. */
export interface Round {
  readonly faults: readonly Fault[];
  readonly holdMs: number;
}

/**
 * One or two faults a round, of parts that differ. They are dealt like cards: none comes again before all have been, so that a run
 * of a few rounds has them all.
 */
export function planRounds(options: {
  readonly rounds: number;
  readonly faults: readonly Fault[];
  readonly random: Random;
  readonly longestHoldMs: number;
}): Round[] {
  const { faults, random, longestHoldMs } = options;
  const deck: Fault[] = [];
  const deal = (except: string | undefined): Fault | undefined => {
    if (deck.length === 0) deck.push(...shuffle(faults, random));
    const index = deck.findIndex(({ part }) => part !== except);
    return index < 0 ? undefined : deck.splice(index, 1)[0];
  };
  return Array.from({ length: options.rounds }, () => {
    const first = deal(undefined);
    const second = random.below(2) === 0 ? deal(first?.part) : undefined;
    const holdMs = Math.round(1000 + random.next() * Math.max(0, longestHoldMs - 1000));
    return { faults: [first, second].filter((fault) => fault !== undefined), holdMs };
  });
}

function shuffle<T>(all: readonly T[], random: Random): T[] {
  const rest = [...all];
  return all.map(() => rest.splice(random.below(rest.length), 1)[0] as T);
}
