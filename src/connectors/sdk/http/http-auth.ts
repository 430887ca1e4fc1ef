import type { HttpConfig } from "../../../../gen/connectory/v1/http_config_pb.js";
import type { WebsocketConfig } from "../../../../gen/connectory/v1/websocket_config_pb.js";
import type { FieldViolation } from "../../../errors/api-error.ts";
import type { Step } from "../connector.ts";
import { looksLikeSecretName } from "../secret-name-heuristic.ts";
import { isEncrypted } from "../url.ts";

/** What a configuration says about who asks: a log-in, and headers with values of its own. */
export type HttpLogin = Pick<HttpConfig | WebsocketConfig, "authentication" | "headers">;

/** The value of the `Authorization` header; undefined without a log-in. */
export function httpAuthorization({ case: kind, value }: HttpLogin["authentication"]): string | undefined {
  if (kind === "basic") return basicAuthorization(value.username, value.password);
  return kind === "bearer" ? `Bearer ${value.token}` : undefined;
}

/** RFC 7617, in UTF-8. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** The headers to send, the one of the log-in among them. */
export function loginHeaders({ headers, authentication }: HttpLogin): Readonly<Record<string, string>> {
  const authorization = httpAuthorization(authentication);
  return authorization === undefined ? headers : { ...headers, authorization };
}

/** True when something goes along that only the server should see. */
export function holdsSecret({ headers, authentication }: HttpLogin): boolean {
  return authentication.case !== undefined || Object.keys(headers).some(looksLikeSecretName);
}

/** What to warn of when a secret goes to the URL. */
export function passwordInClear(url: URL, secret: boolean): Step["warning"] {
  if (!secret || isEncrypted(url)) return undefined;
  return {
    code: "PASSWORD_IN_CLEAR",
    hint: `the log-in travels in clear: take ${url.protocol.replace(":", "s")}`,
  };
}

/** What cannot be sent as a log-in. */
export function validateHttpAuthentication({
  case: kind,
  value,
}: HttpLogin["authentication"]): readonly FieldViolation[] {
  if (kind === "basic" && /[:\p{Cc}]/u.test(value.username))
    return [{ field: "basic.username", description: "must not hold a colon or control characters (RFC 7617)" }];
  return kind === "bearer" ? validateToken("bearer.token", value.token) : [];
}

/** What cannot be sent as a bearer token. `{{ NAME }}` is replaced before it is sent. */
export function validateToken(field: string, token: string): readonly FieldViolation[] {
  if (/^[\x21-\x7e]*$/.test(token.replace(/\{\{ *\w+ *\}\}/g, ""))) return [];
  return [{ field, description: "must be visible ASCII characters without blanks or line ends" }];
}
