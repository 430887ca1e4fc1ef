import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { withDefaultDeadline } from "./default-deadline.ts";
import { normalizeConnectionErrors } from "./normalize-connection-errors.ts";
import { type RetryOptions, retryCalls } from "./retry-calls.ts";
import { sendToken, type Token } from "./send-token.ts";
import type { TransportName } from "./transport-name.ts";
import { validateBaseUrl } from "./validate-base-url.ts";

/** The options of `createConnectoryClient`. */
export interface ConnectoryClientOptions {
  /**
   * The server's address: `http://` or `https://`, host and port. `grpc` uses the gRPC port (50051 unless configured
   * otherwise), `connect` and `grpc-web` the HTTP port (8080).
   */
  readonly baseUrl: string;
  /**
   * The bearer token, or a function that returns one. The result of the function is cached until the server rejects it as
   * UNAUTHENTICATED; then the function is called again, and the call is sent once more.
   */
  readonly token: Token;
  /** The protocol. Default: `grpc` in Node, `connect` in a browser, where gRPC is not available. */
  readonly transport?: TransportName;
  /**
   * The deadline of a unary call over all its attempts, in milliseconds. Default: 30 000; 0: no deadline. Streams have none.
   */
  readonly timeoutMs?: number;
  /** The retry policy of idempotent calls; `false` disables retries. Default: the defaults of `RetryOptions`. */
  readonly retry?: Partial<RetryOptions> | false;
  /** Further interceptors, run around each attempt. Default: none. */
  readonly interceptors?: readonly Interceptor[];
  /**
   * Node only, in PEM: a certificate authority that the system does not trust (`ca`), and the client's certificate and key.
   * Default: the system's authorities, no client certificate.
   */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** The typed clients of both services. */
export interface ConnectoryClient {
  readonly connections: Client<typeof ConnectionService>;
  readonly connectionProfiles: Client<typeof ConnectionProfileService>;
}

/** Opens the transport, which differs between Node and browsers. Throws TypeError for options that it does not support. */
export type OpenTransport = (
  options: ConnectoryClientOptions,
  common: { baseUrl: string; interceptors: Interceptor[] },
) => Transport;

/**
 * Returns a client over a transport. From inside out: connection errors are normalized, the token is sent, the caller's
 * interceptors run, then the retries, and the deadline covers all of them. Throws TypeError for an invalid `baseUrl`, and the
 * errors of `open`.
 */
export function buildClient(
  options: ConnectoryClientOptions,
  transportName: TransportName,
  open: OpenTransport,
): ConnectoryClient {
  const baseUrl = validateBaseUrl(options.baseUrl);
  const { token, retry, timeoutMs = 30_000, interceptors = [] } = options;
  const opened = open(options, {
    baseUrl,
    interceptors: [...interceptors, sendToken(token), normalizeConnectionErrors(baseUrl, transportName)],
  });
  const transport = withDefaultDeadline(retry === false ? opened : retryCalls(opened, retry), timeoutMs);
  return {
    connections: createClient(ConnectionService, transport),
    connectionProfiles: createClient(ConnectionProfileService, transport),
  };
}
