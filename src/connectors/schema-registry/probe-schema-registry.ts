import type { SchemaRegistryConfig } from "../../../gen/connectory/v1/schema_registry_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { basicAuthorization, passwordInClear } from "../sdk/http/http-auth.ts";
import { type HttpResponse, openHttpClient, translateHttpError } from "../sdk/http/http-client.ts";
import { parseJson } from "../sdk/parse-json.ts";
import { basePath, urlTarget } from "../sdk/url.ts";
import { urlTls } from "../sdk/url-tls.ts";

/**
 * Lists the subjects of a schema registry; changes nothing. `prefix` begins the fields in the report, such as
 * `schema_registry.`. Rejects with a ProbeError.
 */
export async function probeSchemaRegistry(config: SchemaRegistryConfig, probe: Probe, prefix: string): Promise<void> {
  const url = new URL(config.endpoint);
  const field = `${prefix}endpoint`;
  const endpoint = endpointName(urlTarget(url));
  const step = (stage: TestStage): Step => ({
    stage,
    endpoint,
    field,
    translate: (error) => translateHttpError(error, field),
  });
  const loggedIn = config.apiKey !== "";
  const client = await openHttpClient(probe, { url, field, tlsPrefix: prefix, tls: urlTls(url, config.tls) });
  try {
    const answer = await probe.step(
      { ...step(TestStage.AUTHENTICATE), warning: passwordInClear(url, loggedIn) },
      async () => {
        const headers = {
          accept: "application/vnd.schemaregistry.v1+json, application/json",
          ...(loggedIn ? { authorization: basicAuthorization(config.apiKey, config.apiSecret) } : {}),
        };
        const got = await client.request({ method: "GET", path: `${basePath(url)}/subjects${url.search}`, headers });
        if (got.status === 401) throw refused(loggedIn, prefix);
        return got;
      },
    );
    await probe.step(step(TestStage.AUTHORIZE), async () => {
      if (answer.status === 403)
        throw new ProbeError("PERMISSION_DENIED", "the API key may not list subjects", `${prefix}api_key`);
    });
    const subjects = await probe.step(step(TestStage.CAPABILITY), async () => readSubjects(answer, field));
    probe.fact("subjects", String(subjects.length));
  } finally {
    await client.close();
  }
}

function refused(loggedIn: boolean, prefix: string): ProbeError {
  return loggedIn
    ? new ProbeError(
        "PASSWORD_WRONG",
        "the registry refused the API key or its secret, sent as HTTP Basic in UTF-8",
        `${prefix}api_secret`,
      )
    : new ProbeError("PASSWORD_MISSING", "the registry asks for an API key and its secret", `${prefix}api_key`);
}

function readSubjects({ status, body }: HttpResponse, field: string): readonly unknown[] {
  if (status === 429 || status >= 500)
    throw new ProbeError("UNAVAILABLE", "the registry does not serve requests just now: try again", field);
  const subjects = status === 200 ? parseJson(body) : undefined;
  if (Array.isArray(subjects)) return subjects;
  throw new ProbeError("NOT_A_SCHEMA_REGISTRY", "what answers there is not a schema registry: check the url", field);
}
