import { type DiagLogFunction, DiagLogLevel, diag } from "@opentelemetry/api";
import type { Logger } from "pino";

/** Milliseconds between two warnings: an unavailable collector fails with every batch, every few seconds. */
const quietMs = 60_000;
/** Characters of a message, which may contain the response of a collector. */
const maxLength = 300;

/** Redirects the diagnostics of the OpenTelemetry SDK from the console to the log: at level warn once a minute, else debug. */
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
