import { Client } from "undici";
import { type Endpoint, type Probe, ProbeError } from "../connector.ts";
import { errorCode } from "../translate-error.ts";
import { urlTarget } from "../url.ts";

/** One origin, asked over a connection of `probe.open`. */
export interface HttpClient {
  /** Sends a request. Redirects are answers like others; nothing is kept for the next request. */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Whoever opened it closes it. */
  close(): Promise<void>;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST";
  /** From the slash on, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What a POST sends; its `content-type` is one of the headers. */
  readonly content?: string;
  /** False leaves the body unread, however long it is. */
  readonly readBody?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; of a header that is there twice the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Empty when it was not read. */
  readonly body: string;
}

/** The longest body that is read: a page of a catalog has a tenth of it. */
const maxBodyBytes = 1024 * 1024;

/** Opens a connection to the URL's origin, each step of it recorded; requests use it one after the other. */
export async function openHttpClient(
  probe: Probe,
  { url, ...options }: Pick<Endpoint, "field" | "note" | "tls" | "tlsPrefix"> & { readonly url: URL },
): Promise<HttpClient> {
  const open = () => probe.open({ ...urlTarget(url), ...options });
  const opened = [await open()];
  const client = new Client(url.origin, {
    // Not answered in the same turn, which undici would miss.
    connect: (_, done) =>
      void Promise.resolve(opened.pop() ?? open()).then(
        (socket) => done(null, socket),
        (error) => done(error, null),
      ),
    allowH2: false,
    maxResponseSize: maxBodyBytes,
    // The probe's signal ends every wait: no timer of the library outlives it.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    request: async ({ method, path, headers = {}, content = null, readBody = true }) => {
      const sent = { "user-agent": "connectory", ...lowerCase(headers) };
      // Without `reset` the connection would be given up after a HEAD.
      const answer = await client.request({
        method,
        path,
        headers: sent,
        body: content,
        // No signal: undici fails an assertion, where nobody catches, when it is given up in a body without a length. The
        // step ends with the probe, and so does the socket.
        reset: false,
      });
      const { statusCode: status, body } = answer;
      // The end of a body that nobody reads any more is no error of anybody.
      body.on("error", () => {});
      if (!readBody && method !== "HEAD") body.destroy();
      const text = readBody || method === "HEAD" ? await body.text() : "";
      return { status, headers: firstValues(answer.headers), body: text };
    },
    close: () => client.destroy(),
  };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function firstValues(headers: Readonly<Record<string, string | string[] | undefined>>) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()[0]]));
}

const tooMuch = new Set(["UND_ERR_RES_EXCEEDED_MAX_SIZE", "UND_ERR_HEADERS_OVERFLOW", "HPE_HEADER_OVERFLOW"]);

/** What an error of an exchange over HTTP means, be it with undici or `node:http`; `field` is the one of the URL. */
export function translateHttpError(error: unknown, field: string): ProbeError | undefined {
  const code = errorCode(error);
  if (tooMuch.has(code))
    return new ProbeError("TOO_MUCH_DATA", "the server sent more than a test reads: check the url", field);
  // undici's parser gives some of its errors no code.
  if (code.startsWith("HPE_") || (error instanceof Error && error.name === "HTTPParserError"))
    return new ProbeError(
      "NOT_AN_HTTP_SERVER",
      "what answers there does not speak HTTP, or it speaks TLS: check the port and the scheme",
      field,
    );
  if (code === "UND_ERR_SOCKET" || code === "ECONNRESET")
    return new ProbeError(
      "CONNECTION_CLOSED",
      "the server closed the connection without an answer: it may want TLS, or a client certificate",
      field,
    );
  if (code === "UND_ERR_INVALID_ARG" || code === "ERR_INVALID_CHAR")
    return new ProbeError("NOT_SENDABLE", "a value holds characters that a header cannot have", field);
  return undefined;
}
