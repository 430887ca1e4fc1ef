import { type DestinationStream, pino } from "pino";

/** The destination of the log. Writing never blocks: a line that cannot be written is kept, and dropped when the buffer is full. */
export interface LogDestination extends DestinationStream {
  /** Returns the number of lines lost since the start. */
  lost(): number;
  /** Waits up to 1 s for the remaining lines. `stuck`: a write of the system has not returned, and would block an orderly exit. */
  flush(): Promise<"written" | "refused" | "stuck">;
}

/** The size of the buffer in bytes. */
const keptBytes = 8 * 1024 * 1024;
/** Milliseconds between a failed write and the next attempt without a new line. */
const pauseMs = 1000;
/** Milliseconds that `flush` waits. */
const flushTimeoutMs = 1000;

/**
 * Opens a destination that writes to a file descriptor in the background. On a full disk a write fails and is retried; on a pipe
 * that is not read it does not return. `onRecovery` receives the number of lost lines once all kept lines are written.
 * `bounds.keptBytes` defaults to 8 MiB.
 *
 * pino's own destination ends the process at its first error without a listener, and its flushSync, which pino also calls after a
 * fatal line and at an exit, retries without limit and blocks the thread: it is disabled here.
 */
export function openLogDestination(
  fd: number,
  onRecovery: (lines: number) => void,
  bounds: { readonly keptBytes: number } = { keptBytes },
): LogDestination {
  const destination = pino.destination({ dest: fd, sync: false, maxLength: bounds.keptBytes });
  destination.flushSync = () => {};
  let state: "written" | "refused" | "stuck" = "written"; // stuck until a write ends
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
    gone = error.code === "EPIPE"; // the reader has ended, and pino has given up
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
