import { type DestinationStream, pino } from "pino";

/** Where the log goes. It never holds anybody up: a line that cannot be written is kept, and lost when too many are. */
export interface LogDestination extends DestinationStream {
  /** How many lines were lost since the start. */
  lost(): number;
  /**
   * Waits a moment for the lines that are still here. `stuck`: the system has not come back from a write, and would hold up
   * an exit in order.
   */
  flush(): Promise<"written" | "refused" | "stuck">;
}

/** What of a log is kept while it cannot be written, in bytes. */
const keptBytes = 8 * 1024 * 1024;
/** How long after a write that failed the next is tried when no line comes. */
const pauseMs = 1000;
/** How long an end waits for the last lines. */
const flushTimeoutMs = 1000;

/**
 * Writes to a file descriptor in the background. On a full disk a write fails and is tried again; on a pipe that nobody reads
 * it does not come back. `onRecovery` gets how many lines were lost once all that was kept is out.
 *
 * The destination of pino ends the process at its first error when nobody listens, and its flushSync, which pino also calls
 * after a fatal line and at an exit, tries for ever and holds the thread meanwhile: it is never called here.
 */
export function openLogDestination(
  fd: number,
  onRecovery: (lines: number) => void,
  bounds: { readonly keptBytes: number } = { keptBytes },
): LogDestination {
  const destination = pino.destination({ dest: fd, sync: false, maxLength: bounds.keptBytes });
  destination.flushSync = () => {};
  let state: "written" | "refused" | "stuck" = "written"; // stuck until the system says how a write ended
  let lost = 0;
  let reportedLost = 0;
  let gone = false;
  let retry: NodeJS.Timeout | undefined;

  const write = (line: string) => {
    if (gone) {
      lost += 1;
      return;
    }
    state = "stuck";
    destination.write(line);
  };
  destination.on("drop", () => {
    lost += 1;
  });
  destination.on("error", (error: NodeJS.ErrnoException) => {
    state = "refused";
    gone = error.code === "EPIPE"; // whoever read it has ended, and pino has given up
    clearTimeout(retry);
    if (!gone) retry = setTimeout(() => write(""), pauseMs).unref();
  });
  destination.on("drain", () => {
    state = "written";
    if (lost === reportedLost) return;
    const lines = lost - reportedLost;
    reportedLost = lost;
    onRecovery(lines);
  });

  return {
    write,
    lost: () => lost,
    flush: async () => {
      const end = performance.now() + flushTimeoutMs;
      while (state === "stuck" && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
      return state;
    },
  };
}
