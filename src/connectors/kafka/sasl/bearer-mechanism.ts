import type { Mechanism } from "kafkajs";

/**
 * SASL OAUTHBEARER (RFC 7628). The one of kafkajs does not read the broker's answer, and a broker that refuses a token
 * says so there, not with an error code: it would look as if the next request had broken the connection.
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

/** kafkajs hands mechanisms' messages over with their length (int32) in front, as the protocol of old had them. */
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
