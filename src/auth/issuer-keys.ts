import type { Meter } from "@opentelemetry/api";
import { createRemoteJWKSet, type JWTVerifyGetKey } from "jose";
import type { Logger } from "pino";

/** After so many milliseconds the keys are read again, so that one that was taken back is not accepted any more. */
const cacheTtlMs = 10 * 60_000;
/** How long the last keys serve on when they cannot be read again. */
const lastingMs = 24 * 60 * 60_000;
/** How long after an attempt that failed the next one is made. */
const pauseMs = 30_000;

/** What the keys of an external issuer are read with. */
export interface IssuerKeysOptions {
  readonly url: URL;
  readonly log: Logger;
  readonly meter: Meter;
  /** Milliseconds of a clock that nobody sets. */
  readonly now?: () => number;
}

/**
 * The keys that an issuer publishes, read again every ten minutes and when a token names one that is not known. An issuer that
 * is away stops nobody whose key is known: the last keys serve on for a day, and once an attempt has failed no call waits for
 * the next.
 */
export function openIssuerKeys({ url, log, meter, now = () => performance.now() }: IssuerKeysOptions): JWTVerifyGetKey {
  const failures = meter.createCounter("connectory.auth.key_failures", {
    unit: "{attempt}",
    description: "Attempts to read the keys of the external issuer that failed",
  });
  const keys = createRemoteJWKSet(url, { cacheMaxAge: lastingMs });
  let due = Number.NEGATIVE_INFINITY;
  let failing = false;
  let reading: Promise<void> | undefined;

  const succeeded = () => {
    due = now() + cacheTtlMs;
    if (failing) log.info("the keys of the token issuer can be read again");
    failing = false;
  };
  const failed = (err: unknown) => {
    due = now() + pauseMs;
    failing = true;
    failures.add(1);
    const consequence =
      keys.jwks() === undefined ? "no token can be verified" : "those read last serve on, for a day at most";
    log.warn({ err }, `the keys of the token issuer cannot be read: ${consequence}`);
    throw err;
  };
  const read = () => {
    reading ??= keys
      .reload()
      .then(succeeded, failed)
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  return async (header, token) => {
    if (keys.jwks() === undefined) await read();
    else if (now() >= due) {
      const attempt = read().catch(() => {}); // it is in the log
      if (!failing) await attempt;
    }
    return keys(header, token);
  };
}
