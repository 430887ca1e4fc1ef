import { type ContextKey, createContextKey } from "@connectrpc/connect";

/** The caller, according to the verified token. */
export interface Principal {
  readonly userId: string;
  /** The organization to which all of the caller's reads and writes are limited. */
  readonly organizationId: string;
  readonly permissions: ReadonlySet<string>;
  /** The expiry of the token in milliseconds since 1970; streams end then. */
  readonly expiresAt: number;
  /** The session of the token: its `sid`, else its own id (`jti`), else empty. */
  readonly sessionId: string;
}

const anonymous: Principal = { userId: "", organizationId: "", permissions: new Set(), expiresAt: 0, sessionId: "" };

/** The caller of the current call; without user and permissions until it is authenticated. */
export const principalKey: ContextKey<Principal> = createContextKey(anonymous, { description: "principal" });
