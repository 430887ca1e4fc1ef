import type { Mechanism } from "kafkajs";

/**
 * Returns SASL OAUTHBEARER (RFC 7628). The implementation of kafkajs does not read the broker's response, which holds the
 * rejection of a token instead of an error code; the next request would seem to break the connection.
 */
export function bearerMechanism(token: string): Mechanism {
  const login = withLength(`n,,\u0001auth=Bearer ${token}\u0001\u0001`);
  return {
    mechanism: "OAUTHBEARER",
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const complaint = await saslAuthenticate({ request: { encode: () => login }, response: withoutLength });
        if (complaint !== "") throw Object.assign(new Error(tokenRefused), { type: tokenRefused });
      },
    }),
  };
}

const tokenRefused = "SASL_AUTHENTICATION_FAILED";

/** kafkajs passes the messages of mechanisms with a length prefix (int32), as in the old protocol. */
function withLength(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const withoutLength = {
  decode: (answer: Buffer) => answer.subarray(4),
  parse: (answer: Buffer) => answer.toString("latin1"),
};
