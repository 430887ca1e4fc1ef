import type { Meter } from "@opentelemetry/api";
import { createRemoteJWKSet, customFetch, type FetchImplementation, type JWTVerifyGetKey } from "jose";
import type { Logger } from "pino";
import { isJsonObject } from "../proto-schema/json-object.ts";

/** Milliseconds after which the keys are read again, so that a revoked key is no longer accepted. */
const cacheTtlMs = 10 * 60_000;
/** Milliseconds for which the last keys remain valid when they cannot be read again. */
const lastingMs = 24 * 60 * 60_000;
/** Milliseconds between a failed attempt and the next one. */
const pauseMs = 30_000;

/** Options of the keys of an external issuer. */
export interface IssuerKeysOptions {
  readonly url: URL;
  readonly log: Logger;
  readonly meter: Meter;
  /** A monotonic clock, in milliseconds. Default: `performance.now()`. */
  readonly now?: () => number;
}

/**
 * Returns the keys that an issuer publishes, read again every 10 minutes and when a token names an unknown one. Tokens of known
 * keys are verified during an outage of the issuer: the last keys stay valid for 24 h, and after a failed attempt no call waits
 * for the next one.
 */
export function openIssuerKeys({ url, log, meter, now = () => performance.now() }: IssuerKeysOptions): JWTVerifyGetKey {
  const failures = meter.createCounter("connectory.auth.key_failures", {
    unit: "{attempt}",
    description: "Attempts to read the keys of the external issuer that failed",
  });
  const keys = createRemoteJWKSet(url, { cacheMaxAge: lastingMs, [customFetch]: fetchKeys });
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
      const attempt = read().catch(() => {}); // the failure is in the log
      if (!failing) await attempt;
    }
    return keys(header, token);
  };
}

/** The two names of the signature algorithm of Ed25519 keys (RFC 9864). */
const ed25519Names: readonly unknown[] = ["EdDSA", "Ed25519"];

/** Reads the keys. A key of Ed25519 verifies tokens with either name of its algorithm, whichever it has itself. */
const fetchKeys: FetchImplementation = async (url, init) => {
  const response = await fetch(url, init);
  if (response.status !== 200) return response;
  const set: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  if (!isJsonObject(set) || !Array.isArray(set.keys)) return response;
  const keys = set.keys.map((key) => {
    if (!isJsonObject(key) || key.crv !== "Ed25519" || !ed25519Names.includes(key.alg)) return key;
    const { alg, ...rest } = key;
    return rest;
  });
  return Response.json({ ...set, keys });
};
