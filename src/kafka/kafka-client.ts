import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Kafka, logLevel, type SASLOptions } from "kafkajs";
import type { Logger } from "pino";
import { patchKafkajs } from "./patch-kafkajs.ts";

/** How to reach a Kafka cluster. */
export interface KafkaTarget {
  /** `host:port` of some brokers. */
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl: SASLOptions | undefined;
  readonly clientId: string;
}

export interface KafkaClient {
  readonly kafka: Kafka;
  /**
   * Ends all its sockets now and opens no other. kafkajs has no such thing: its disconnect waits for answers, and what
   * was abandoned on a deadline would try again by itself.
   */
  destroy(): void;
}

/** Within these a cluster that works answers, in milliseconds. */
const timeouts = { connectionTimeout: 3000, authenticationTimeout: 10_000, requestTimeout: 15_000 };

/** The only place that makes kafkajs talk for events. Dials nothing yet. */
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
    // Each try dials the next broker, so this is once around. To try later again is the relay's business.
    retry: { retries: brokers.length, initialRetryTime: 50, maxRetryTime: 500 },
    socketFactory: ({ host, port, ssl: tls, onConnect }) => {
      if (destroyed) throw new Error("this client was thrown away");
      const socket = tls
        ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...tls }, onConnect)
        : connect({ host, port }, onConnect);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return socket.setKeepAlive(true, 30_000).setNoDelay(true);
    },
    logLevel: logLevel.WARN,
    // What matters comes to us as a rejection; kafkajs logs it besides, several times and on every try.
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
