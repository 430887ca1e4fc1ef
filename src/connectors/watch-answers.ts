/** A thread that is asked whether it still answers. */
export interface AskedThread {
  /** Sends it a question that it answers at once, when it is not busy with something else. */
  ask(): void;
  /** The processor time that it has used so far, in milliseconds. */
  usedMs(): Promise<number>;
}

export interface AnswerWatch {
  begin(): void;
  /** The thread has answered. */
  answered(): void;
  end(): void;
}

const lookEveryMs = 100;

/** What does not answer and computes nothing either waits as many times longer: for a processor, or for ever. */
const withoutProcessor = 10;

/**
 * Asks every now and then, and says when an answer is late: when the thread has spent `withinMs` of processor time on
 * something else. Time in which it got no processor is not counted: on a machine that is busy with other work a thread with
 * a low priority answers late without any fault of its own, and to end it would make still more work. Nor is time counted in
 * which this thread could not listen.
 */
export function watchAnswers(thread: AskedThread, withinMs: number, onLate: () => void): AnswerWatch {
  let timer: NodeJS.Timeout | undefined;
  let question: { waitedMs: number; usedBefore?: Promise<number> } | undefined;
  let lookedAt = 0;
  const look = async () => {
    const now = performance.now();
    const passed = Math.min(now - lookedAt, 2 * lookEveryMs);
    lookedAt = now;
    if (question === undefined) {
      question = { waitedMs: 0 };
      return thread.ask();
    }
    const open = question;
    open.waitedMs += passed;
    if (open.waitedMs > withoutProcessor * withinMs) return onLate();
    open.usedBefore ??= thread.usedMs();
    const used = (await thread.usedMs()) - (await open.usedBefore);
    if (question === open && used > withinMs) onLate();
  };
  return {
    begin: () => {
      lookedAt = performance.now();
      timer = setInterval(() => void look(), lookEveryMs);
    },
    answered: () => {
      question = undefined;
    },
    end: () => clearInterval(timer),
  };
}
