import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { withDefaultDeadline } from "./default-deadline.ts";
import { normalizeConnectionErrors } from "./normalize-connection-errors.ts";
import { type RetryOptions, retryCalls } from "./retry-calls.ts";
import { sendToken, type Token } from "./send-token.ts";
import type { TransportName } from "./transport-name.ts";
import { validateBaseUrl } from "./validate-base-url.ts";

/** What createConnectoryClient needs. */
export interface ConnectoryClientOptions {
  /**
   * Where the server is: `http://` or `https://`, host and port. For `grpc` the gRPC port (50051 unless configured
   * otherwise), for the other two the HTTP port (8080).
   */
  readonly baseUrl: string;
  /**
   * The bearer token, or a function that gets one. What the function answered is kept and used until the server refuses
   * it as UNAUTHENTICATED; then it is asked once more and the call is sent again.
   */
  readonly token: Token;
  /** `grpc` in Node and `connect` in a browser, where gRPC cannot be spoken. */
  readonly transport?: TransportName;
  /** How long a call may take, all its attempts included, in milliseconds: 30 000. 0: for ever. Streams have no limit. */
  readonly timeoutMs?: number;
  /** How calls that can be repeated are tried again; `false`: never. */
  readonly retry?: Partial<RetryOptions> | false;
  /** Interceptors of the caller's own, around every attempt. */
  readonly interceptors?: readonly Interceptor[];
  /** Certificates, in Node: of an authority that the system does not know, and of this client. Each is PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** The typed clients of both services. */
export interface ConnectoryClient {
  readonly connections: Client<typeof ConnectionService>;
  readonly connectionProfiles: Client<typeof ConnectionProfileService>;
}

/** Opens the transport: the part that differs between Node and browsers. Throws TypeError for what it cannot do. */
export type OpenTransport = (
  options: ConnectoryClientOptions,
  common: { baseUrl: string; interceptors: Interceptor[] },
) => Transport;

/**
 * Puts a client together around a transport. From inside out: a broken connection gets its name, the token is sent, what
 * the caller wants done, then the retries, and the deadline around all of them.
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
