import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Level, Logger } from "pino";

/**
 * Hands every line that PostgreSQL writes to the log. A refused statement (ERROR) is also an exception at its sender,
 * who knows whether it matters, so it is a warning here.
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

/** Lines that go on with the message before them. */
const continuation = /^(\t|(DETAIL|HINT|QUERY|CONTEXT|LOCATION|STATEMENT|BACKTRACE): {2})/;

const remembered = 20;

/** Reads PostgreSQL's standard error until it ends. `tail` is its last 20 lines; `onLine` sees each as it comes. */
export function pipePostgresLog(
  stderr: Readable,
  log: Logger,
  onLine: (line: string) => void,
): { tail(): readonly string[] } {
  const tail: string[] = [];
  let level: Level = "warn";
  createInterface({ input: stderr }).on("line", (line) => {
    // Without a severity it does not come from PostgreSQL's own reporting: a loader's or a C library's last words.
    if (!continuation.test(line)) level = levels[/^([A-Z]+): {2}/.exec(line)?.[1] ?? ""] ?? "warn";
    log[level]({ source: "postgres" }, line);
    tail.push(line);
    if (tail.length > remembered) tail.shift();
    onLine(line);
  });
  return { tail: () => tail };
}
