import type { Evidence, Finding } from "./evidence.ts";

/** What a server may say while its parts are taken away. Refusals of writes are looked at one by one by `checkOperations`. */
const expected = new Set([
  "OK",
  "UNAVAILABLE",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
  "CANCELLED",
  // Only for what was sent again after an answer that left it open, and for reads.
  "NOT_FOUND",
  "ALREADY_EXISTS",
]);

/** No answer says that the server does not know what happened, or blames the caller for a fault of the service. */
export function checkAnswers({ answers, reads }: Evidence): Finding[] {
  const wrong = answers.filter(({ code }) => !expected.has(code));
  const stale = reads.filter(({ expected: state, seen }) => state !== seen);
  return [
    ...wrong.map(({ call, code, reason, text, count }): Finding => {
      return { kind: "wrong answer", what: `${call}: ${count} times ${code} (${reason}): ${text}` };
    }),
    ...stale.map(({ organization, id, expected: state, seen }): Finding => {
      return { kind: "stale read", what: `${organization}: ${id} was ${state} for its writer and was read as ${seen}` };
    }),
  ];
}
