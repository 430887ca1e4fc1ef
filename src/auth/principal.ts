import { type ContextKey, createContextKey } from "@connectrpc/connect";

/** Who calls, as the verified token says. */
export interface Principal {
  readonly userId: string;
  /** Everything the caller can see or change lies in this organization. */
  readonly organizationId: string;
  readonly permissions: ReadonlySet<string>;
  /** From when on the token is not accepted any more, in milliseconds since 1970: a stream ends then. */
  readonly expiresAt: number;
  /** The session of the token: its `sid`, else its own id (`jti`), else empty. */
  readonly sessionId: string;
}

const anonymous: Principal = { userId: "", organizationId: "", permissions: new Set(), expiresAt: 0, sessionId: "" };

/** The caller of the running call; nobody, without any permission, until authentication has said otherwise. */
export const principalKey: ContextKey<Principal> = createContextKey(anonymous, { description: "principal" });
