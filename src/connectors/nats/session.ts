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

/** A log-in at a server. */
export interface NatsSession {
  readonly connection: NatsConnection;
  /** What the server has refused so far. */
  readonly violations: readonly PermissionViolationError[];
  /** The outcome of the work, or a rejection as soon as the connection has ended. */
  unlessClosed<T>(work: Promise<T>): Promise<T>;
}

/**
 * Logs in on a connection that is open already. The library dials nobody, tries nothing twice, and its own pings come
 * after any test. Whoever has called it calls `close` of the connection, also when the socket has gone.
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
    // A name that is never looked up: the transport has its stream.
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

/** The outcome of the work, or a rejection as soon as the connection has ended: the library leaves work alone then. */
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
