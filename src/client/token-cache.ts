import { Code, ConnectError } from "@connectrpc/connect";

/** A bearer token, or a function that returns one. */
export type Token = string | (() => string | Promise<string>);

/** A cache of the token function's result. */
export interface TokenCache {
  /** Returns the token to send. Rejects with UNAUTHENTICATED when there is none or it cannot be a header. */
  take(): Promise<string>;
  /** Returns the token that replaces a rejected one; the same token when there is no other. */
  replace(refused: string): Promise<string>;
}

/** Calls the token function for the first token, and again after a rejection: once, however many calls were rejected. */
export function createTokenCache(token: Token): TokenCache {
  if (typeof token === "string") {
    const only = () => check(token);
    return { take: only, replace: only };
  }
  let held: Promise<string> | undefined;
  const ask = (): Promise<string> => {
    const asked = Promise.resolve().then(token).then(check, refuse);
    held = asked;
    asked.catch(() => {
      if (held === asked) held = undefined;
    });
    return asked;
  };
  return {
    take: () => held ?? ask(),
    replace: async (refused) => {
      const before = held;
      if ((await before) === refused && held === before) return ask();
      return held ?? ask();
    },
  };
}

/** Some runtimes report an invalid header with its value; the check keeps the token out of logs. */
async function check(token: string): Promise<string> {
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new ConnectError("the token is empty, or has characters that a header cannot carry", Code.Unauthenticated);
}

function refuse(cause: unknown): never {
  if (cause instanceof ConnectError) throw cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new ConnectError(`no token could be had: ${why}`, Code.Unauthenticated, undefined, undefined, cause);
}
