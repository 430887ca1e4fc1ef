import { createRequire } from "node:module";
import type { AuthenticationProviderArgs, Authenticator, Mechanism } from "kafkajs";

type Provider = (credentials: {
  readonly username: string;
  readonly password: string;
}) => (args: AuthenticationProviderArgs) => Authenticator;

const require = createRequire(import.meta.url);
const providers: Readonly<Record<string, Provider>> = {
  "SCRAM-SHA-256": require("kafkajs/src/broker/saslAuthenticator/scram256.js"),
  "SCRAM-SHA-512": require("kafkajs/src/broker/saslAuthenticator/scram512.js"),
};

/** The maximum number of iterations: the limit of pg; Kafka's default is 4096. */
const maxIterations = 100_000;

/**
 * Returns the SCRAM of kafkajs with a limit on the iterations that a broker may request. Without it a hostile broker could keep
 * the few libuv threads of the process, which serve name look-ups and files, busy for an hour.
 */
export function scramWithIterationLimit(mechanism: string, username: string, password: string): Mechanism {
  const provider = providers[mechanism];
  if (provider === undefined) throw new Error(`${mechanism} is not a SCRAM mechanism`);
  return {
    mechanism,
    authenticationProvider: (args) =>
      provider({ username, password })({
        ...args,
        saslAuthenticate: async (exchange) => {
          const answer = await args.saslAuthenticate(exchange);
          if (iterationsIn(answer) > maxIterations) throw new Error(scramTooExpensive);
          return answer;
        },
      }),
  };
}

/** The full message of the error, which identifies it after kafkajs has wrapped it. */
export const scramTooExpensive = "ERR_SCRAM_TOO_EXPENSIVE";

/** Returns the `i=` of a broker's first message; 0 for other messages. */
function iterationsIn(answer: unknown): number {
  return typeof answer === "object" && answer !== null && "i" in answer ? Number(answer.i) : 0;
}
