import { checkAnswers } from "./check-answers.ts";
import { checkMessages } from "./check-messages.ts";
import { checkOperations } from "./check-operations.ts";
import { checkState } from "./check-state.ts";
import { checkWatches } from "./check-watches.ts";
import type { Evidence, Finding } from "./evidence.ts";

/** Everything that is wrong with what a run has left behind. */
export function check(evidence: Evidence): Finding[] {
  return [checkAnswers, checkOperations, checkState, checkMessages, checkWatches].flatMap((part) => part(evidence));
}
