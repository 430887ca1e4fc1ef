import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type IConnackPacket, type IDisconnectPacket, MqttClient, type Packet } from "mqtt";

/** The options of `createMqttSession`. */
export interface MqttSessionOptions {
  readonly version: 5 | 4;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  /** The maximum packet size, in bytes; sent to brokers of version 5, which must observe it. */
  readonly maxPacketSize: number;
  /** The time limit of the connection attempt, in milliseconds. */
  readonly timeoutMs: number;
  /** Called with the server that a broker of version 5 recommends to its client. */
  onServerReference(reference: string): void;
}

/** A session at a broker. Every promise rejects once the connection has broken. */
export interface MqttSession {
  connect(): Promise<IConnackPacket>;
  /** Sends PINGREQ; resolves with its response. */
  ping(): Promise<void>;
  /** Resolves with the reason code of the response: 0 to 2 is the granted QoS, 128 and above a refusal. */
  subscribe(topic: string): Promise<number>;
  /** Returns the message received on a topic; undefined before there is one. */
  received(topic: string): string | undefined;
  /** Sends DISCONNECT, and waits up to 200 ms for the broker to close the connection. */
  leave(): Promise<void>;
  /** Closes the connection in any state, and stops its timers. */
  close(): void;
}

/**
 * The keep-alive interval, in seconds: longer than any test, so that the library sends no pings on its own. Some brokers reject
 * 0, which disables it.
 */
const keepAliveSeconds = 600;

/** The maximum number of received packets; a test needs five. A packet can have two bytes, and each costs the library time. */
const maxPackets = 1000;

/** Returns a client on an open stream, without a stored session at the broker, a will, and reconnects. */
export function createMqttSession(stream: Duplex, options: MqttSessionOptions): MqttSession {
  const { version, clientId, username, password, maxPacketSize, timeoutMs } = options;
  const client = new MqttClient(() => stream, {
    protocolVersion: version,
    protocolId: "MQTT",
    clientId,
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    ...(version === 5 ? { properties: { maximumPacketSize: maxPacketSize } } : {}),
    clean: true,
    keepalive: keepAliveSeconds,
    connectTimeout: timeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: "native",
    // The library's own logger depends on an environment variable.
    log: () => undefined,
  });
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => undefined);
  client.on("error", reject);
  client.on("disconnect", ({ reasonCode }: IDisconnectPacket) =>
    reject(Object.assign(new Error(byBroker), { code: reasonCode ?? 0 })),
  );
  client.on("close", () => reject(Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" })));
  let packets = 0;
  client.on("packetreceive", (packet: Packet) => {
    packets += 1;
    if (packets > maxPackets) {
      reject(Object.assign(new Error("too many packets"), { code: "ERR_WRONG_PROTOCOL" }));
      stream.destroy();
    }
    if (packet.cmd !== "connack" && packet.cmd !== "disconnect") return;
    // A repeated property is an array, contrary to the library's types.
    const reference: unknown = packet.properties?.serverReference;
    if (typeof reference === "string") options.onServerReference(reference);
  });
  const messages = new Map<string, string>();
  client.on("message", (topic, payload) => messages.set(topic, payload.toString()));
  const unlessBroken = <T>(work: Promise<T>): Promise<T> => Promise.race([work, broken]);
  return {
    connect: () => unlessBroken(new Promise((resolve) => client.once("connect", resolve))),
    ping: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      client.on("packetreceive", ({ cmd }: Packet) => cmd === "pingresp" && resolve());
      client.sendPing();
      return unlessBroken(promise);
    },
    subscribe: (topic) => {
      const { promise, resolve, reject: refuse } = Promise.withResolvers<number>();
      client.subscribe(topic, { qos: 0 }, (error, _granted, answer) => {
        const code = answer?.granted[0];
        if (typeof code === "number") resolve(code);
        else refuse(error ?? new Error("SUBACK without a code"));
      });
      return unlessBroken(promise);
    },
    received: (topic) => messages.get(topic),
    leave: async () => {
      const closed = new Promise<void>((resolve) => client.once("close", resolve));
      client.end();
      await Promise.race([closed, sleep(leaveMs, undefined, { ref: false })]);
    },
    close: () => {
      client.end(true);
      stream.destroy();
    },
  };
}

/** The time that a broker has to close the connection after DISCONNECT, in milliseconds. */
const leaveMs = 200;

/** The message of the error for a DISCONNECT of the broker; errors of the library have codes of the same numbers. */
const byBroker = "DISCONNECT";

/** Returns the reason code of a broker's DISCONNECT; undefined for other errors. */
export function disconnectReason(error: unknown): number | undefined {
  return error instanceof Error && error.message === byBroker && "code" in error ? Number(error.code) : undefined;
}
