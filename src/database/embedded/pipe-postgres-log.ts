import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Level, Logger } from "pino";

/**
 * The log level of each PostgreSQL severity. A rejected statement (ERROR) is also an exception in the code that sent it, which
 * knows whether it matters, so it is a warning here.
 */
const levels: Readonly<Record<string, Level>> = {
  PANIC: "fatal",
  FATAL: "error",
  ERROR: "warn",
  WARNING: "warn",
  NOTICE: "debug",
  INFO: "debug",
  LOG: "debug",
};

/** Continuation lines of a message. */
const continuation = /^(\t|(DETAIL|HINT|QUERY|CONTEXT|LOCATION|STATEMENT|BACKTRACE): {2})/;

const remembered = 20;

/**
 * Writes PostgreSQL's standard error to the log until it ends. `tail` returns its last 20 lines; `onLine` is called for each
 * line.
 */
export function pipePostgresLog(
  stderr: Readable,
  log: Logger,
  onLine: (line: string) => void,
): { tail(): readonly string[] } {
  const tail: string[] = [];
  let level: Level = "warn";
  createInterface({ input: stderr }).on("line", (line) => {
    // A line without a severity is not from PostgreSQL's error reporting, but from a loader or a C library.
    if (!continuation.test(line)) level = levels[/^([A-Z]+): {2}/.exec(line)?.[1] ?? ""] ?? "warn";
    log[level]({ source: "postgres" }, line);
    tail.push(line);
    if (tail.length > remembered) tail.shift();
    onLine(line);
  });
  return { tail: () => tail };
}
