import type { Socket } from "node:net";
import { withSignal } from "../../concurrency/with-signal.ts";
import { ProbeError } from "../sdk/connector.ts";

/** The greeting of a server; its content is unverified. */
export interface Greeting {
  /** The received bytes. */
  readonly line: Buffer;
  readonly version: string;
  readonly serverName: string;
  readonly cluster: string;
  readonly maxPayload: number | undefined;
  readonly jetStream: boolean;
  readonly wantsLogin: boolean;
  readonly wantsTls: boolean;
  readonly offersTls: boolean;
  readonly wantsCertificate: boolean;
  /** The other servers of the cluster, as `host:port`. */
  readonly others: readonly string[];
}

/** The maximum size of a greeting, in bytes; each node of a cluster takes about 30. */
const maxLength = 65_536;

/**
 * Returns a server's INFO from a socket. Later data stays in the socket, which is paused. Rejects with a ProbeError, or with
 * the signal's reason.
 */
export async function readGreeting(socket: Socket, signal: AbortSignal): Promise<Greeting> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let bytes = Buffer.alloc(0);
  const take = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf("\r\n") + 2;
    if (!isInfo(bytes) || (end < 2 && bytes.length > maxLength)) return reject(notNats());
    if (end < 2) return;
    // The pause must be immediate: more data may reach the listeners before the promise continues.
    socket.pause().off("data", take);
    if (bytes.length > end) socket.unshift(bytes.subarray(end));
    resolve(bytes.subarray(0, end));
  };
  const close = () => reject(closedEarly());
  socket.on("data", take).once("close", close);
  if (socket.destroyed) close();
  try {
    return parseGreeting(await withSignal(promise, signal));
  } finally {
    socket.pause().off("data", take).off("close", close);
  }
}

/** Returns one parsed `INFO {…}`. Throws a ProbeError for an invalid one. */
export function parseGreeting(line: Buffer): Greeting {
  const info = parseJson(line.subarray(5).toString());
  const version = text(info.version);
  if (!/^v?\d+\.\d+\.\d+/.test(version)) throw notNats();
  const { max_payload: maxPayload, connect_urls: others } = info;
  return {
    line,
    version,
    serverName: text(info.server_name),
    cluster: text(info.cluster),
    maxPayload: typeof maxPayload === "number" ? maxPayload : undefined,
    jetStream: info.jetstream === true,
    wantsLogin: info.auth_required === true,
    wantsTls: info.tls_required === true,
    offersTls: info.tls_required === true || info.tls_available === true,
    wantsCertificate: info.tls_verify === true,
    others: Array.isArray(others) ? others.filter((url) => typeof url === "string") : [],
  };
}

function parseJson(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Reported below.
  }
  throw notNats();
}

function isInfo(bytes: Buffer): boolean {
  const expected = "INFO ";
  return expected.startsWith(bytes.subarray(0, expected.length).toString("latin1"));
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

function notNats(): ProbeError {
  return new ProbeError(
    "NOT_A_NATS_SERVER",
    "what answers there is not a NATS server, or begins with TLS (handshake_first): check the port and tls",
    "servers",
  );
}

function closedEarly(): ProbeError {
  return new ProbeError(
    "CONNECTION_CLOSED",
    "the server closed the connection before it said what it is: it may begin with TLS (handshake_first), take tls://",
    "servers",
  );
}
