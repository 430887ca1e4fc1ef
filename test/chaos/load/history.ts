import type { AnswerCount, EventType, Operation, Read } from "../check/evidence.ts";
import type { Answer, Call } from "./answer.ts";

/** What the writers have sent and what they were answered. */
export interface History {
  readonly operations: readonly Operation[];
  readonly reads: readonly Read[];
  answers(): AnswerCount[];
  /** How many operations have ended so, until now. */
  counts(): Readonly<Record<Operation["outcome"], number>>;
  /** Records how a write has ended; `uncertain` when an earlier attempt of it may have been written. */
  ended(operation: Pick<Operation, "organization" | "type" | "key">, answer: Answer, uncertain: boolean): void;
  read(read: Read): void;
  answered(call: Call["name"] | "watch", answer: Answer): void;
}

/** Answers after which a write may have happened and may not. */
const open = new Set(["NO_ANSWER", "UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN"]);

export function leavesOpen(code: string): boolean {
  return open.has(code) || code.startsWith("HTTP_");
}

export function createHistory(): History {
  const operations: Operation[] = [];
  const reads: Read[] = [];
  const answers = new Map<string, AnswerCount>();
  const counts = { acknowledged: 0, refused: 0, unknown: 0 };
  return {
    operations,
    reads,
    answers: () => [...answers.values()],
    counts: () => ({ ...counts }),
    ended: ({ organization, type, key }, answer, uncertain) => {
      const outcome = outcomeOf(answer, uncertain);
      counts[outcome] += 1;
      const revision = outcome === "acknowledged" ? answer.revision : undefined;
      operations.push({ organization, type, key, outcome, revision, code: answer.code });
    },
    read: (read) => reads.push(read),
    answered: (call, { code, reason, text }) => {
      if (code === "NO_ANSWER") return;
      const key = `${call} ${code} ${reason}`;
      const before = answers.get(key);
      answers.set(key, { call, code, reason, text, ...before, count: (before?.count ?? 0) + 1 });
    },
  };
}

function outcomeOf({ code }: Answer, uncertain: boolean): Operation["outcome"] {
  if (code === "OK") return "acknowledged";
  return uncertain || leavesOpen(code) ? "unknown" : "refused";
}

/** What a write is called in the log. */
export const eventOf = {
  "create-connection": "connection.created",
  "delete-connection": "connection.deleted",
  "create-profile": "connection-profile.created",
  "update-profile": "connection-profile.updated",
  "delete-profile": "connection-profile.deleted",
} as const satisfies Partial<Record<Call["name"], EventType>>;
