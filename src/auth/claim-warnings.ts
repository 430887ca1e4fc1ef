import type { Meter } from "@opentelemetry/api";
import type { Logger } from "pino";

const sentences = {
  "organization absent": "tokens have no organization claim and are refused: is AUTH_ORG_CLAIM right?",
  "organization unusable": "the organization claim of tokens is no text that can be an id, and they are refused",
  "roles absent": "tokens have no roles claim and get AUTH_DEFAULT_ROLE: is AUTH_ROLES_CLAIM right?",
  "roles unusable": "the roles claim of tokens is neither a text nor a list of texts: what is none grants nothing",
  "roles unknown": "tokens have no role that is known here: are AUTH_ROLES_CLAIM and AUTH_ROLE_MAPPING right?",
} as const;

/** A problem of a verified token's claim: absent, of the wrong type, or without a known role. */
export type ClaimFault = keyof typeof sentences;

/** Reports a problem of a token's claim. Called once for each verified token, not for each call. */
export type WarnClaim = (kind: ClaimFault) => void;

/** At most one log line per kind in this many milliseconds: a wrongly configured claim is missing in every token. */
const quietMs = 60_000;

/**
 * Returns a function that counts tokens with claim problems and logs them. Neither contains the token's content, only the
 * configured claim names (`names`). `now` is a monotonic clock in milliseconds; default: `performance.now()`.
 */
export function createClaimWarnings(parts: {
  readonly log: Logger;
  readonly meter: Meter;
  readonly names: { readonly organization: string; readonly roles: string };
  readonly now?: () => number;
}): WarnClaim {
  const { log, names, now = () => performance.now() } = parts;
  const counter = parts.meter.createCounter("connectory.auth.claim_faults", {
    unit: "{token}",
    description: "Tokens with a good signature whose organization or roles cannot be read",
  });
  const counted = new Map<ClaimFault, { due: number; tokens: number }>();
  return (kind) => {
    const [claim, fault] = kind.split(" ") as ["organization" | "roles", string];
    counter.add(1, { "connectory.claim": claim, "connectory.claim.fault": fault });
    const state = counted.get(kind) ?? { due: Number.NEGATIVE_INFINITY, tokens: 0 };
    counted.set(kind, state);
    state.tokens += 1;
    if (now() < state.due) return;
    // A user without a role does not prove a configuration error.
    log[kind === "roles unknown" ? "info" : "warn"](
      { claim: names[claim], fault, tokens: state.tokens },
      sentences[kind],
    );
    state.due = now() + quietMs;
    state.tokens = 0;
  };
}
