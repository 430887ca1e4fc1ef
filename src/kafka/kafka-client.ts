import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Kafka, logLevel, type SASLOptions } from "kafkajs";
import type { Logger } from "pino";
import { patchKafkajs } from "./patch-kafkajs.ts";

/** The address and credentials of a Kafka cluster. */
export interface KafkaTarget {
  /** `host:port` of some brokers. */
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl: SASLOptions | undefined;
  readonly clientId: string;
}

/** A client of kafkajs whose sockets can be closed at once. */
export interface KafkaClient {
  readonly kafka: Kafka;
  /**
   * Closes all sockets at once and opens no others. kafkajs has no such function: its disconnect waits for responses, and
   * requests abandoned at a deadline would be retried.
   */
  destroy(): void;
}

/** Timeouts of kafkajs in milliseconds; a healthy cluster answers within them. */
const timeouts = { connectionTimeout: 3000, authenticationTimeout: 10_000, requestTimeout: 15_000 };

/** Returns a client for events, not connected yet. All use of kafkajs for events goes through it. */
export function createKafkaClient({ brokers, ssl, sasl, clientId }: KafkaTarget, log: Logger): KafkaClient {
  patchKafkajs();
  const sockets = new Set<Socket>();
  let destroyed = false;
  const kafka = new Kafka({
    brokers: [...brokers],
    ssl,
    ...(sasl === undefined ? {} : { sasl }),
    clientId,
    ...timeouts,
    // Each attempt dials the next broker, so every broker is tried. Later retries are the relay's.
    retry: { retries: brokers.length, initialRetryTime: 50, maxRetryTime: 500 },
    socketFactory: ({ host, port, ssl: tls, onConnect }) => {
      if (destroyed) throw new Error("this client was thrown away");
      const socket = tls
        ? connectTls({ host, port, ...serverNameOf(host), ...tls }, onConnect)
        : connect({ host, port }, onConnect);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return socket.setKeepAlive(true, 30_000).setNoDelay(true);
    },
    logLevel: logLevel.WARN,
    // Errors arrive as rejections; kafkajs also logs them, several times and at each attempt.
    logCreator:
      () =>
      ({ namespace, label, log: { message, timestamp: _, logger: __, ...rest } }) =>
        log.debug({ kafkajs: namespace, level: label, ...rest }, message),
  });
  return {
    kafka,
    destroy() {
      destroyed = true;
      for (const socket of sockets) socket.destroy(new Error("this client was thrown away"));
    },
  };
}

/** Returns the option of TLS for the name of a broker: no address, and no final dot (RFC 6066, 3). */
export function serverNameOf(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host.replace(/\.$/, "") } : {};
}
