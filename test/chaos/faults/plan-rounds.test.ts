import { expect, test } from "vitest";
import { createRandom } from "../../support/random.ts";
import type { Fault } from "./fault.ts";
import { planRounds } from "./plan-rounds.ts";

const nothing = async () => undefined;
const faults: Fault[] = ["a-1", "a-2", "b-1", "b-2", "c-1"].map((name) => {
  return { name, part: name.slice(0, 1), begin: nothing, cure: nothing };
});
const plan = (seed: number, rounds = 50) =>
  planRounds({ rounds, faults, random: createRandom(seed), longestHoldMs: 3000 });
const namesOf = (rounds: ReturnType<typeof plan>) => rounds.map((round) => round.faults.map(({ name }) => name));

test("the same seed has the same rounds, another has others", () => {
  expect(namesOf(plan(7))).toEqual(namesOf(plan(7)));
  expect(namesOf(plan(7))).not.toEqual(namesOf(plan(8)));
});

test("a round has one or two faults, of parts that differ", () => {
  const rounds = plan(1);
  expect(new Set(rounds.map((round) => round.faults.length))).toEqual(new Set([1, 2]));
  for (const round of rounds) {
    const parts = round.faults.map(({ part }) => part);
    expect(new Set(parts).size).toBe(parts.length);
  }
});

test("every fault comes before one comes for the third time", () => {
  const first = namesOf(plan(3, 10)).flat().slice(0, 10);
  expect(new Set(first)).toEqual(new Set(faults.map(({ name }) => name)));
});
