import type { Socket } from "node:net";
import { type Admin, Kafka, logLevel, type KafkaConfig as Options } from "kafkajs";
import { patchKafkajs } from "../../kafka/patch-kafkajs.ts";
import { type BoundedDuplex, boundedDuplex } from "../sdk/bounded-duplex.ts";
import type { BrokerAddress } from "./bootstrap-servers.ts";
import { tolerateLeaderlessPartitions } from "./tolerate-leaderless-partitions.ts";

/** The options of `openAdmin`. */
export interface OpenAdminOptions {
  /** The connection to the first broker. */
  readonly seed: Socket;
  readonly sasl: Options["sasl"];
  /** Opens a connection to an address that the cluster announced. */
  open(address: BrokerAddress): Promise<Socket>;
  readonly timeoutMs: number;
}

/** The host name of the seed; no cluster can advertise a usable name in this reserved domain. */
const seedHost = "seed.invalid";

/** Returns a kafkajs admin client that opens no sockets of its own and does not retry. `close` ends it at once. */
export function openAdmin({ seed, sasl, open, timeoutMs }: OpenAdminOptions): { admin: Admin; close(): void } {
  patchKafkajs();
  tolerateLeaderlessPartitions();
  const streams: BoundedDuplex[] = [];
  let parked: Socket | undefined = seed;
  const take = async (): Promise<Socket> => {
    const socket = parked;
    parked = undefined;
    if (socket === undefined) throw Object.assign(new Error("the seed was used already"), { code: "ECONNRESET" });
    return socket;
  };
  const kafka = new Kafka({
    clientId: "connectory-test",
    brokers: [`${seedHost}:1`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: timeoutMs,
    authenticationTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    retry: { retries: 0 },
    ...(sasl === undefined ? {} : { sasl }),
    socketFactory: ({ host, port, onConnect }) => {
      const opening = host === seedHost ? take() : open({ host, port });
      const stream = boundedDuplex(opening, { isProtocol: isKafkaAnswer, headLength: 4, onConnect });
      streams.push(stream);
      // kafkajs declares a net.Socket, but uses only the members of BoundedDuplex.
      return stream as unknown as Socket;
    },
  });
  const admin = kafka.admin({ retry: { retries: 0 } });
  const close = () => {
    // The error is needed: without one kafkajs would not notice that a pending connection never opens, and would keep its
    // timer.
    for (const stream of streams) stream.destroy(Object.assign(new Error("ended"), { code: "ECONNRESET" }));
    // Stops the client's timers. The result is irrelevant, because the sockets are destroyed.
    admin.disconnect().catch(() => undefined);
  };
  return { admin, close };
}

/**
 * Returns true when the first bytes can be a broker's response. It begins with its length: a list of API versions of less than
 * 64 KiB. Greetings of other protocols, and TLS alerts, parse as hundreds of megabytes.
 */
function isKafkaAnswer(firstBytes: Buffer): boolean {
  return firstBytes.readUInt32BE(0) < 65_536;
}
