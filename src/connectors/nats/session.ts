import {
  type Authenticator,
  jwtAuthenticator,
  type NatsConnection,
  NatsConnectionImpl,
  type PermissionViolationError,
  setTransportFactory,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/nats-core/internal";
import type { NatsConfig } from "../../../gen/connectory/v1/nats_config_pb.js";
import { boundedDuplex } from "../sdk/bounded-duplex.ts";
import type { NatsServer } from "./connect.ts";
import { type NatsStreamOptions, natsTransport } from "./nats-transport.ts";

/** A session at a server. */
export interface NatsSession {
  readonly connection: NatsConnection;
  /** The permission violations so far. */
  readonly violations: readonly PermissionViolationError[];
  /** Resolves with the result of the work; rejects as soon as the connection has ended. */
  unlessClosed<T>(work: Promise<T>): Promise<T>;
}

/**
 * Logs in on an open connection. The library opens no connection and does not retry, and its own pings would start after the
 * end of any test. The caller must `close` the connection, also after the socket has closed.
 */
export async function openSession(
  { socket, greeting }: Pick<NatsServer, "socket" | "greeting">,
  { authentication }: NatsConfig,
  timeoutMs: number,
): Promise<NatsSession> {
  setTransportFactory({ factory: natsTransport });
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol: () => true, headLength: 0 });
  const violations: PermissionViolationError[] = [];
  const authenticator = authenticatorFor(authentication);
  const options: NatsStreamOptions = {
    stream,
    greeting: greeting.line,
    onViolation: (violation) => violations.push(violation),
    // A placeholder that is never resolved: the transport has its stream.
    servers: ["connected.invalid"],
    resolve: false,
    noRandomize: true,
    ignoreClusterUpdates: true,
    reconnect: false,
    maxReconnectAttempts: 0,
    pingInterval: timeoutMs * 2,
    timeout: timeoutMs,
    noAsyncTraces: true,
    name: "connectory test",
    ...(authenticator === undefined ? {} : { authenticator }),
  };
  try {
    const connection = await NatsConnectionImpl.connect(options);
    return { connection, violations, unlessClosed: endingWith(connection) };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** Rejects as soon as the connection has ended, because the library then leaves pending work unsettled. */
function endingWith(connection: NatsConnection): NatsSession["unlessClosed"] {
  const closed = connection.closed().then((error) => {
    throw error ?? Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
  });
  closed.catch(() => undefined);
  return (work) => Promise.race([work, closed]);
}

function authenticatorFor({ case: method, value }: NatsConfig["authentication"]): Authenticator | undefined {
  switch (method) {
    case "password":
      return usernamePasswordAuthenticator(value.username, value.password);
    case "token":
      return tokenAuthenticator(value.token);
    case "jwt":
      return jwtAuthenticator(value.jwt, new TextEncoder().encode(value.nkeySeed));
    default:
      return undefined;
  }
}
