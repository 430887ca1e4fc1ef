import type { HttpConfig } from "../../../../gen/connectory/v1/http_config_pb.js";
import type { WebsocketConfig } from "../../../../gen/connectory/v1/websocket_config_pb.js";
import type { FieldViolation } from "../../../errors/api-error.ts";
import type { Step } from "../connector.ts";
import { looksLikeSecretName } from "../secret-name-heuristic.ts";
import { isEncrypted } from "../url.ts";

/** The credentials of a configuration: a log-in, and headers. */
export type HttpLogin = Pick<HttpConfig | WebsocketConfig, "authentication" | "headers">;

/** Returns the value of the `Authorization` header; undefined without a log-in. */
export function httpAuthorization({ case: kind, value }: HttpLogin["authentication"]): string | undefined {
  if (kind === "basic") return basicAuthorization(value.username, value.password);
  return kind === "bearer" ? `Bearer ${value.token}` : undefined;
}

/** Returns the `Authorization` value of basic authentication (RFC 7617), in UTF-8. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Returns the request headers, that of the log-in included. */
export function loginHeaders({ headers, authentication }: HttpLogin): Readonly<Record<string, string>> {
  const authorization = httpAuthorization(authentication);
  return authorization === undefined ? headers : { ...headers, authorization };
}

/** Returns true when requests carry a secret. */
export function holdsSecret({ headers, authentication }: HttpLogin): boolean {
  return authentication.case !== undefined || Object.keys(headers).some(looksLikeSecretName);
}

/** Returns the warning about a secret that is sent in plaintext; undefined when there is none. */
export function passwordInClear(url: URL, secret: boolean): Step["warning"] {
  if (!secret || isEncrypted(url)) return undefined;
  return {
    code: "PASSWORD_IN_CLEAR",
    hint: `the log-in travels in clear: take ${url.protocol.replace(":", "s")}`,
  };
}

/** Returns the violations of a log-in that a header cannot carry. */
export function validateHttpAuthentication({
  case: kind,
  value,
}: HttpLogin["authentication"]): readonly FieldViolation[] {
  if (kind === "basic" && /[:\p{Cc}]/u.test(value.username))
    return [{ field: "basic.username", description: "must not hold a colon or control characters (RFC 7617)" }];
  return kind === "bearer" ? validateToken("bearer.token", value.token) : [];
}

/** Returns a violation when a header cannot carry the bearer token, in which `{{ NAME }}` was replaced. */
export function validateToken(field: string, token: string): readonly FieldViolation[] {
  if (/^[\x21-\x7e]*$/.test(token)) return [];
  return [{ field, description: "must be visible ASCII characters without blanks or line ends" }];
}
