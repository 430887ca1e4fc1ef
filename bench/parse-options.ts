import { parseArgs } from "node:util";
import { type Group, groups } from "./groups.ts";

/** What the command line asks for. */
export interface Options {
  /** Measured seconds of a slice; a third of that, at least one, is driven before as warm-up. */
  readonly seconds: number;
  /** How often every row is measured; the table has the medians. */
  readonly rounds: number;
  readonly only: ReadonlySet<Group>;
  /** Of the attacks those with one of these names, or whose names begin so. */
  readonly attacks: readonly string[];
}

/** What takes minutes and is measured when it is asked for. */
const onlyNamed: ReadonlySet<Group> = new Set(["attacks", "request-limits", "overload", "neighbours"]);

/** Reads the flags, all optional. Throws with the usage when one is wrong. */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "3" },
      only: { type: "string", default: groups.filter((group) => !onlyNamed.has(group)).join(",") },
      attack: { type: "string", default: "b" },
    },
  });
  const seconds = Number(values.seconds);
  const rounds = Number(values.rounds);
  const only = values.only.split(",").map((name) => groups.find((group) => group === name));
  if (!(seconds > 0) || !Number.isInteger(rounds) || rounds < 1 || only.includes(undefined)) {
    throw new Error(
      `usage: npm run bench -- [--seconds N] [--rounds N] [--only ${groups.join(",")}] [--attack b1,b4-readyz]`,
    );
  }
  return {
    seconds,
    rounds,
    only: new Set(only.filter((group) => group !== undefined)),
    attacks: values.attack.split(","),
  };
}
