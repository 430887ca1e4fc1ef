import { Client } from "undici";
import { type Endpoint, type Probe, ProbeError } from "../connector.ts";
import { errorCode } from "../translate-error.ts";
import { urlTarget } from "../url.ts";

/** An HTTP client of one origin, over a connection of `probe.open`. */
export interface HttpClient {
  /** Returns the response to a request. Redirects are not followed, and no cookie is stored. */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Closes the connection; the caller of `openHttpClient` must do so. */
  close(): Promise<void>;
}

/** A request of an HttpClient. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST";
  /** The path from its first slash, with the query. */
  readonly path: string;
  /** Further headers. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of a POST; its `content-type` is one of the headers. Default: none. */
  readonly content?: string;
  /** False discards the body, whatever its length. Default: true. */
  readonly readBody?: boolean;
  /**
   * The time limit of the response's headers, in milliseconds. Then the connection is closed, and the request rejects with
   * CONNECTION_CLOSED; the next one opens another. Default: that of the test.
   */
  readonly timeoutMs?: number;
}

/** The response to a request. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; of a repeated header the first value. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The text of the body; empty when it was discarded. */
  readonly body: string;
}

/** The maximum size of a body, in bytes: ten times a page of a catalog. */
const maxBodyBytes = 1024 * 1024;

/**
 * Opens a connection to the origin of a URL, with recorded steps, and returns its client. Requests use the connection one after
 * the other. Rejects with a ProbeError.
 */
export async function openHttpClient(
  probe: Probe,
  { url, ...options }: Pick<Endpoint, "field" | "note" | "tls" | "tlsPrefix"> & { readonly url: URL },
): Promise<HttpClient> {
  const open = () => probe.open({ ...urlTarget(url), ...options });
  const opened = [await open()];
  let current = opened[0];
  const client = new Client(url.origin, {
    // The callback runs in a later turn: undici would miss it in the same one.
    connect: (_, done) =>
      void Promise.resolve(opened.pop() ?? open()).then(
        (socket) => {
          current = socket;
          done(null, socket);
        },
        (error) => done(error, null),
      ),
    allowH2: false,
    maxResponseSize: maxBodyBytes,
    // The probe's signal ends every wait, so no timer of the library remains.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    request: async ({ method, path, headers = {}, content = null, readBody = true, timeoutMs }) => {
      const sent = { "user-agent": "connectory", ...lowerCase(headers) };
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => current?.destroy(), timeoutMs);
      // `reset: false` keeps the connection after a HEAD.
      const answering = client.request({
        method,
        path,
        headers: sent,
        body: content,
        // No signal is passed: an abort within a body without a length fails an assertion of undici that nothing catches. The
        // probe ends both the step and the socket.
        reset: false,
      });
      const answer = await answering.finally(() => clearTimeout(timer));
      const { statusCode: status, body } = answer;
      // An error of a discarded body has no effect.
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

/** Returns the meaning of an error of undici or `node:http`; undefined for other errors. `field` is that of the URL. */
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
