import { create } from "@bufbuild/protobuf";
import { type HttpConfig, HttpConfigSchema } from "../../../gen/connectory/v1/http_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { type HttpLogin, holdsSecret, loginHeaders, passwordInClear } from "../sdk/http/http-auth.ts";
import { type HttpClient, type HttpResponse, openHttpClient, translateHttpError } from "../sdk/http/http-client.ts";
import { translateHttpStatus } from "../sdk/http/translate-http-status.ts";
import { isEncrypted, urlTarget, withoutQuery } from "../sdk/url.ts";
import { urlTls } from "../sdk/url-tls.ts";
import { redirectTarget } from "./redirect-target.ts";

/** The result of one origin: its last response, and the other origin to which it redirects. */
interface Verdict {
  readonly url: URL;
  readonly answer: HttpResponse;
  readonly elsewhere: URL | undefined;
}

/** The maximum number of redirects; more are treated as a loop. */
const maxRedirects = 5;

/**
 * Sends HEAD to an endpoint, and GET when HEAD is refused or not answered; never the endpoint's actual operation, such as a POST.
 * Redirects are followed here: another origin is dialled like any address, and neither it nor a later one gets headers, log-in
 * or client certificate. Rejects with a ProbeError.
 */
export async function probeHttp(config: HttpConfig, probe: Probe): Promise<void> {
  const redirects = countRedirects();
  let verdict = await visit(new URL(config.url), config, { probe, redirects });
  while (verdict.elsewhere !== undefined) {
    const { url, elsewhere } = verdict;
    await probe.step({ ...stepAt(url, TestStage.CAPABILITY), warning: redirected }, async () => redirects());
    const bare = create(HttpConfigSchema, { tls: foreignTls(config) });
    verdict = await visit(elsewhere, bare, { probe, redirects, withheld: config });
  }
  const { url, answer } = verdict;
  await probe.step(stepAt(url, TestStage.AUTHORIZE), async () => {});
  const warning = isEncrypted(url) || answer.status !== 400 ? unwelcome(answer.status) : undefined;
  await probe.step({ ...stepAt(url, TestStage.CAPABILITY), warning }, async () => {
    if (answer.status >= 400 && warning === undefined) throw new ProbeError("BAD_REQUEST", badRequest, "url");
  });
  probe.fact("status", String(answer.status));
  if (url.href !== new URL(config.url).href) probe.fact("final_url", withoutQuery(url.href));
  for (const name of ["content-type", "server"]) {
    const value = answer.headers[name];
    if (value !== undefined) probe.fact(name.replace("-", "_"), value);
  }
}

/** Requests one origin, and follows its redirects within itself. */
async function visit(
  start: URL,
  config: HttpConfig,
  { probe, redirects, withheld }: { probe: Probe; redirects: () => void; withheld?: HttpConfig },
): Promise<Verdict> {
  const note = withheld === undefined ? undefined : "the server redirects its clients to this address";
  const client = await openHttpClient(probe, { url: start, field: "url", tls: urlTls(start, config.tls), note });
  const warning = passwordInClear(start, holdsSecret(config));
  try {
    return await probe.step({ ...stepAt(start, TestStage.AUTHENTICATE), warning, note }, async () => {
      for (let url = start; ; redirects()) {
        const answer = await ask(client, url, { headers: loginHeaders(config), probe });
        refuse(answer.status, config, withheld);
        const next = redirectTarget(answer, url);
        if (next?.origin !== url.origin) return { url, answer, elsewhere: next };
        url = next;
      }
    });
  } finally {
    await client.close();
  }
}

/**
 * Returns the response to HEAD, or to GET after any refusal of HEAD: many servers and proxies do not implement it, and answer
 * with whatever status, close the connection or say nothing. Only GET decides about a log-in.
 */
async function ask(
  client: HttpClient,
  url: URL,
  { headers, probe }: { readonly headers: Readonly<Record<string, string>>; readonly probe: Probe },
): Promise<HttpResponse> {
  const path = `${url.pathname}${url.search}`;
  const timeoutMs = Math.ceil(probe.deadlineMs / 3);
  try {
    const answer = await client.request({ method: "HEAD", path, headers, timeoutMs });
    if (answer.status < 400) return answer;
  } catch {
    probe.signal.throwIfAborted();
  }
  return client.request({ method: "GET", path, headers, readBody: false });
}

function refuse(status: number, config: HttpConfig, withheld: HttpLogin | undefined): void {
  const refusal = translateHttpStatus(status, config);
  if (refusal === undefined) return;
  if (withheld === undefined || !(status === 401 || status === 403) || !hasLogin(withheld)) throw refusal;
  throw new ProbeError(
    "REDIRECTED",
    "the server redirects to another origin, which asks for a log-in; ours was not sent there: configure the final url",
    "url",
  );
}

function hasLogin({ authentication, headers }: HttpLogin): boolean {
  return authentication.case !== undefined || Object.keys(headers).length > 0;
}

/** Returns the TLS settings for another origin: the trusted authorities, without the client certificate. */
function foreignTls({ tls }: HttpConfig) {
  return tls && create(TlsConfigSchema, { ca: tls.ca, insecureSkipVerify: tls.insecureSkipVerify });
}

function countRedirects(): () => void {
  let count = 0;
  return () => {
    count += 1;
    if (count <= maxRedirects) return;
    const hint = `the server redirects more than ${maxRedirects} times: it may be a loop`;
    throw new ProbeError("TOO_MANY_REDIRECTS", hint, "url", TestStage.CAPABILITY);
  };
}

const redirected = {
  code: "REDIRECTED",
  hint: "the server redirects to another origin, which gets neither headers nor log-in: configure the final url",
};

const badRequest = "the server does not understand the request: it may want https, or another path";

/** Returns a warning for a status that shows an existing endpoint which expects another request. */
function unwelcome(status: number): Step["warning"] {
  if (status < 400) return undefined;
  if (status === 405 || status === 501)
    return { code: "METHOD_NOT_ALLOWED", hint: "the endpoint takes neither HEAD nor GET: it may only take POST" };
  return { code: "NOT_ACCEPTED", hint: `the endpoint answers a question with status ${status}: it may want a POST` };
}

function stepAt(url: URL, stage: TestStage): Step {
  const translate = (error: unknown) => translateHttpError(error, "url");
  return { stage, endpoint: endpointName(urlTarget(url)), field: "url", translate };
}
