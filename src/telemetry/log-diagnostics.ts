import { type DiagLogFunction, DiagLogLevel, diag } from "@opentelemetry/api";
import type { Logger } from "pino";

/** A collector that is away fails with every batch, every few seconds: one line a minute says so. */
const quietMs = 60_000;
/** What a collector answers can be in a message. */
const maxLength = 300;

/** Has the SDK report to the service's own log, and not on the console. */
export function logDiagnostics(log: Logger): void {
  let quietUntil = 0;
  const tell: DiagLogFunction = (message) => {
    const now = performance.now();
    const level = now < quietUntil ? "debug" : "warn";
    if (level === "warn") quietUntil = now + quietMs;
    log[level]({ opentelemetry: message.slice(0, maxLength) }, "telemetry cannot be exported as it should");
  };
  const ignore = () => {};
  const logger = { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
