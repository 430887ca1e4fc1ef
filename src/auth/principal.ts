import { type ContextKey, createContextKey } from "@connectrpc/connect";

/** Who calls, as the verified token says. */
export interface Principal {
  readonly userId: string;
  /** Everything the caller can see or change lies in this organization. */
  readonly organizationId: string;
  readonly permissions: ReadonlySet<string>;
}

const nobody: Principal = { userId: "", organizationId: "", permissions: new Set() };

/** The caller of the running call; nobody, without any permission, until authentication has said otherwise. */
export const principalKey: ContextKey<Principal> = createContextKey(nobody, { description: "principal" });
