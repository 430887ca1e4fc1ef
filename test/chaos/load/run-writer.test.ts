import { expect, test } from "vitest";
import { createRandom } from "../../support/random.ts";
import type { Answer, Call } from "./answer.ts";
import { createHistory } from "./history.ts";
import { runWriter } from "./run-writer.ts";

/** Runs a writer against a server that answers each attempt with the next of `codes`, in a circle. */
async function attemptsOf(codes: readonly string[]): Promise<Call[]> {
  const stop = new AbortController();
  const calls: Call[] = [];
  const call = async (asked: Call): Promise<Answer> => {
    const code = codes[calls.length % codes.length] ?? "";
    calls.push(asked);
    if (calls.length === 20) stop.abort();
    return { code, reason: "", text: "" };
  };
  const random = createRandom(1);
  await runWriter({
    organization: "o",
    name: "w",
    callers: [{ call, close: () => {} }],
    history: createHistory(),
    random: { ...random, next: () => 0, below: () => 1 }, // creates only, and none is given up
    signal: stop.signal,
  });
  return calls;
}

const pairsOf = (calls: readonly Call[]) =>
  new Set(calls.flatMap((call) => (call.name === "create-connection" ? [call.users.join()] : [])));

test("a pair is used again after a refusal that leaves nothing open", async () => {
  expect(pairsOf(await attemptsOf(["RESOURCE_EXHAUSTED"])).size).toBe(1);
});

test("a pair whose first attempt may have been written is not used again after a refusal of the second", async () => {
  expect(pairsOf(await attemptsOf(["UNAVAILABLE", "RESOURCE_EXHAUSTED"])).size).toBe(10);
});
