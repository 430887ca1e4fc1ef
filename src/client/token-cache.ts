import { Code, ConnectError } from "@connectrpc/connect";

/** A bearer token, or a function that gets one. */
export type Token = string | (() => string | Promise<string>);

/** Keeps what a token function answered. */
export interface TokenCache {
  /** The token to send. */
  take(): Promise<string>;
  /** The token to send in place of one that the server refused; the same one when there is no other. */
  replace(refused: string): Promise<string>;
}

/** Asks for a token when there is none, and again when one was refused: once, however many calls it was refused to. */
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

/** A header that cannot be sent is reported with its value by some runtimes: a token must not end up in a log. */
async function check(token: string): Promise<string> {
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new ConnectError("the token is empty, or has characters that a header cannot carry", Code.Unauthenticated);
}

function refuse(cause: unknown): never {
  if (cause instanceof ConnectError) throw cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new ConnectError(`no token could be had: ${why}`, Code.Unauthenticated, undefined, undefined, cause);
}
