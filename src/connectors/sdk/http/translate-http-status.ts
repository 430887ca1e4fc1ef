import { TestStage } from "../../../../gen/connectory/v1/test_report_pb.js";
import { ProbeError } from "../connector.ts";
import { type HttpLogin, holdsSecret } from "./http-auth.ts";

/**
 * Returns the meaning of a status as an error of the failed stage; undefined when the server did not refuse the request. The
 * connector interprets the remaining 4xx.
 */
export function translateHttpStatus(status: number, login: HttpLogin): ProbeError | undefined {
  if (status === 401) return loginRefused(login);
  if (status === 403) {
    const hint = "the server knows who asks, and does not allow it";
    return new ProbeError("PERMISSION_DENIED", hint, userField(login), TestStage.AUTHORIZE);
  }
  if (status === 404 || status === 410) return incapable("NOT_FOUND", "there is nothing at this path of the server");
  if (status === 429) return incapable("TOO_MANY_REQUESTS", "the server takes no more requests for now: try again");
  if (status === 503) return incapable("UNAVAILABLE", "the server does not serve requests just now: try again");
  if (status >= 500 && status !== 501) return incapable("SERVER_ERROR", `the server failed with status ${status}`);
  return undefined;
}

function incapable(code: string, hint: string): ProbeError {
  return new ProbeError(code, hint, "url", TestStage.CAPABILITY);
}

function loginRefused(login: HttpLogin): ProbeError {
  const { case: kind } = login.authentication;
  if (kind === "basic")
    return new ProbeError(
      "PASSWORD_WRONG",
      "the server refused the user name or the password, sent as HTTP Basic in UTF-8",
      "basic.password",
    );
  if (kind === "bearer")
    return new ProbeError(
      "PASSWORD_WRONG",
      "the server refused the token, sent as Authorization: Bearer",
      "bearer.token",
    );
  return holdsSecret(login)
    ? new ProbeError("PASSWORD_WRONG", "the server refused what the headers hold", "headers")
    : new ProbeError("PASSWORD_MISSING", "the server asks for a log-in and the configuration has none", "basic");
}

/** Returns the field with the user's identity. */
function userField({ authentication, headers }: HttpLogin): string {
  if (authentication.case === "basic") return "basic.username";
  if (authentication.case === "bearer") return "bearer.token";
  return Object.keys(headers).length > 0 ? "headers" : "url";
}
