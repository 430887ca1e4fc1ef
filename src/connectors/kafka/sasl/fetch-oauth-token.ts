import { rootCertificates } from "node:tls";
import { create } from "@bufbuild/protobuf";
import { TestStage } from "../../../../gen/connectory/v1/test_report_pb.js";
import { TlsConfigSchema } from "../../../../gen/connectory/v1/tls_config_pb.js";
import { endpointName, type Probe, ProbeError, type Step } from "../../sdk/connector.ts";
import { basicAuthorization } from "../../sdk/http/http-auth.ts";
import { type HttpResponse, openHttpClient, translateHttpError } from "../../sdk/http/http-client.ts";
import { isEncrypted, urlTarget } from "../../sdk/url.ts";
import type { OauthLogin } from "../kafka-access.ts";

const field = "sasl.oauth_token_endpoint";

/**
 * Returns the token that a token endpoint issues for the client's id and secret (RFC 6749, 4.4), as a separate step. `ca` is
 * trusted in addition to the public authorities, because brokers and endpoint can have different ones. Rejects with a
 * ProbeError.
 */
export async function fetchOauthToken(login: OauthLogin, ca: string, probe: Probe): Promise<string> {
  const { tokenEndpoint, scope } = login;
  const url = new URL(tokenEndpoint);
  const trusted = ca === "" ? "" : [...rootCertificates, ca].join("\n");
  const tls = isEncrypted(url) ? create(TlsConfigSchema, { ca: trusted }) : undefined;
  const step: Step = {
    stage: TestStage.AUTHENTICATE,
    endpoint: endpointName(urlTarget(url)),
    field,
    translate: (error) => translateHttpError(error, field),
    warning: tls === undefined ? secretInClear : undefined,
  };
  const { authorization, parameters } = credentials(login);
  const content = new URLSearchParams({
    grant_type: "client_credentials",
    ...(scope === "" ? {} : { scope }),
    ...parameters,
  });
  const headers = {
    ...(authorization === undefined ? {} : { authorization }),
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  };
  const client = await openHttpClient(probe, { url, field, tls, note: ofTheEndpoint });
  try {
    return await probe.step(step, async () => {
      const path = `${url.pathname}${url.search}`;
      return readToken(await client.request({ method: "POST", path, headers, content: content.toString() }), login);
    });
  } finally {
    await client.close();
  }
}

/** The client's id and secret in the form that the configuration asks for: in a header, or as parameters. */
interface Credentials {
  readonly authorization?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

function credentials({ clientAuthentication, clientId, clientSecret }: OauthLogin): Credentials {
  if (clientAuthentication === "client_secret_post")
    return { parameters: { client_id: clientId, client_secret: clientSecret } };
  if (clientAuthentication === "client_secret_basic_raw")
    return { authorization: basicAuthorization(clientId, clientSecret) };
  // Both are percent-encoded first (RFC 6749, 2.3.1), because a colon would end the id.
  return { authorization: basicAuthorization(encodeURIComponent(clientId), encodeURIComponent(clientSecret)) };
}

const sentAs: Readonly<Record<string, string>> = {
  client_secret_basic: "in the header, percent-encoded",
  client_secret_basic_raw: "in the header, as they are",
  client_secret_post: "in the form",
};

const ofTheEndpoint = "the token endpoint has no TLS settings but tls.ca, which is trusted there too";
const secretInClear = { code: "PASSWORD_IN_CLEAR", hint: "the client's secret travels in clear: take https" };

function readToken({ status, body }: HttpResponse, { clientAuthentication }: OauthLogin): string {
  const { access_token: token, error } = parseAnswer(body);
  // The characters of a token (RFC 6750, 2.1); a text with others cannot be sent as a token.
  if (status === 200 && typeof token === "string" && /^[A-Za-z0-9._~+/-]+=*$/.test(token)) return token;
  if (status === 429 || status >= 500)
    throw new ProbeError("UNAVAILABLE", "the token endpoint does not serve requests just now: try again", field);
  if (status === 401 || error === "invalid_client") {
    const how = `sent ${sentAs[clientAuthentication]} (${clientAuthentication})`;
    const hint = `the token endpoint refused the client's id or secret, ${how}: when both are right, set another sasl.oauth_client_authentication`;
    throw new ProbeError("PASSWORD_WRONG", hint, "sasl.password");
  }
  if (error === "invalid_scope")
    throw new ProbeError("SCOPE_REFUSED", "the token endpoint does not give this scope", "sasl.oauth_scope");
  if (status === 403 || error === "unauthorized_client" || error === "unsupported_grant_type")
    throw new ProbeError("PERMISSION_DENIED", "the client may not get a token for itself there", "sasl.username");
  const hint = "what answers there gives no OAuth token for a client's id and secret: check the url";
  throw new ProbeError("NOT_A_TOKEN_ENDPOINT", hint, field);
}

function parseAnswer(body: string): { readonly access_token?: unknown; readonly error?: unknown } {
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === "object" && answer !== null ? answer : {};
  } catch {
    return {};
  }
}
