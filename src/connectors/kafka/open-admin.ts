import type { Socket } from "node:net";
import { type Admin, Kafka, logLevel, type KafkaConfig as Options } from "kafkajs";
import { patchKafkajs } from "../../kafka/patch-kafkajs.ts";
import { type BoundedDuplex, boundedDuplex } from "../sdk/bounded-duplex.ts";
import type { BrokerAddress } from "./bootstrap-servers.ts";
import { tolerateLeaderlessPartitions } from "./tolerate-leaderless-partitions.ts";

export interface OpenAdminOptions {
  /** The connection to the broker to ask first. */
  readonly seed: Socket;
  readonly sasl: Options["sasl"];
  /** Opens a connection to an address that the cluster has named. */
  open(address: BrokerAddress): Promise<Socket>;
  readonly timeoutMs: number;
}

/** The host that stands for the seed; no cluster can advertise a name of this reserved domain and mean anything by it. */
const seedHost = "seed.invalid";

/** A kafkajs admin client that opens no socket of its own and tries nothing twice. `close` ends all of it at once. */
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
      // kafkajs declares a net.Socket and uses what BoundedDuplex has.
      return stream as unknown as Socket;
    },
  });
  const admin = kafka.admin({ retry: { retries: 0 } });
  const close = () => {
    // With an error: without one kafkajs would not notice that a connection it waits for never comes, and keep its timer.
    for (const stream of streams) stream.destroy(Object.assign(new Error("ended"), { code: "ECONNRESET" }));
    // Nothing is left that its outcome could tell: the sockets are gone. It stops the client's timers.
    admin.disconnect().catch(() => undefined);
  };
  return { admin, close };
}

/**
 * A broker answers with the length of its first message: the list of its API versions, less than 64 KiB. Greetings of
 * other protocols (and TLS alerts) read as lengths of hundreds of megabytes.
 */
function isKafkaAnswer(firstBytes: Buffer): boolean {
  return firstBytes.readUInt32BE(0) < 65_536;
}
