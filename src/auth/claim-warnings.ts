import type { Meter } from "@opentelemetry/api";
import type { Logger } from "pino";

const sentences = {
  "organization absent": "tokens have no organization claim and are refused: is AUTH_ORG_CLAIM right?",
  "organization unusable": "the organization claim of tokens is no text that can be an id, and they are refused",
  "roles absent": "tokens have no roles claim and get AUTH_DEFAULT_ROLE: is AUTH_ROLES_CLAIM right?",
  "roles unusable": "the roles claim of tokens is neither a text nor a list of texts: what is none grants nothing",
  "roles unknown": "tokens have no role that is known here: are AUTH_ROLES_CLAIM and AUTH_ROLE_MAPPING right?",
} as const;

/** What a verified token lacks: a claim that is not there, has another type, or names nothing that is known here. */
export type ClaimFault = keyof typeof sentences;

/** Says that a token of the issuer lacks something. Called once for each token that is verified, not for each call. */
export type WarnClaim = (kind: ClaimFault) => void;

/** One line of a kind a minute: a claim that is configured wrong is missing in every token. */
const quietMs = 60_000;

/**
 * Counts tokens that lack a claim, and says so in the log. Their content is in neither, only the name that is configured.
 * `names` are those of the settings, for the log.
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
    // A user without a role is no fault of the settings by itself.
    log[kind === "roles unknown" ? "info" : "warn"](
      { claim: names[claim], fault, tokens: state.tokens },
      sentences[kind],
    );
    state.due = now() + quietMs;
    state.tokens = 0;
  };
}
