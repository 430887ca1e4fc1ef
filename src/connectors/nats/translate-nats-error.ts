import {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  ProtocolError,
  RequestError,
  UserAuthenticationExpiredError,
} from "@nats-io/nats-core/internal";
import type { NatsConfig } from "../../../gen/connectory/v1/nats_config_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { errorCode } from "../sdk/translate-error.ts";
import type { NatsServer } from "./connect.ts";
import { readUserJwt } from "./read-user-jwt.ts";

type Meaning = readonly [code: string, hint: string, field: string];

const notNats: Meaning = [
  "NOT_A_NATS_SERVER",
  "what answers there is not a NATS server: check host and port",
  "servers",
];
const wantsCertificate: Meaning = [
  "TLS_REFUSED",
  "the server wants a certificate of its clients, and not just any",
  "tls.cert",
];
const expired: Meaning = ["JWT_EXPIRED", "the user's JWT has expired: get a new one", "jwt.jwt"];
const closed: Meaning = ["CONNECTION_CLOSED", "the server closed the connection", "servers"];

/** Texts that servers send before they close the connection; only matched, never returned. */
const words: readonly (readonly [RegExp, ...Meaning])[] = [
  [/account authentication expired/i, "ACCOUNT_EXPIRED", "the JWT of the user's account has expired", "jwt.jwt"],
  [/user authentication revoked/i, "JWT_REVOKED", "the user's JWT was revoked", "jwt.jwt"],
  [/maximum .*connections exceeded/i, "TOO_MANY_CONNECTIONS", "the server has no connection left", "servers"],
  [/tls required/i, "TLS_REQUIRED", "the server wants TLS", "tls"],
];

/** Returns the meaning of an error of the library at a server. */
export function translateNatsError(
  error: unknown,
  { authentication }: NatsConfig,
  { greeting, tls }: Pick<NatsServer, "greeting" | "tls">,
): ProbeError | undefined {
  if (error instanceof UserAuthenticationExpiredError) return new ProbeError(...expired);
  if (error instanceof AuthorizationError || error instanceof ProtocolError) {
    const known = words.find(([pattern]) => pattern.test(error.message));
    if (known !== undefined) return new ProbeError(known[1], known[2], known[3]);
    return new ProbeError(...(error instanceof AuthorizationError ? refused(authentication) : notNats));
  }
  if (errorCode(error) === "ERR_WRONG_PROTOCOL") return new ProbeError(...notNats);
  // The library reports a refused connection when a server closes it without a reason.
  const isClosed = [ConnectionError, ClosedConnectionError, RequestError].some((kind) => error instanceof kind);
  if (!isClosed && errorCode(error) !== "ECONNRESET") return undefined;
  return new ProbeError(...(tls !== undefined && greeting.wantsCertificate ? wantsCertificate : closed));
}

function refused({ case: method, value }: NatsConfig["authentication"]): Meaning {
  switch (method) {
    case "password":
      return ["PASSWORD_WRONG", "the server refused the user name or the password", "password.password"];
    case "token":
      return ["PASSWORD_WRONG", "the server refused the token", "token.token"];
    case "jwt":
      if ((readUserJwt(value.jwt)?.expires ?? Number.POSITIVE_INFINITY) <= Date.now()) return expired;
      return ["PASSWORD_WRONG", "the server refused the JWT: it may be of another operator or account", "jwt.jwt"];
    default:
      return ["PASSWORD_MISSING", "the server wants a log-in, and the configuration has none", "password"];
  }
}
