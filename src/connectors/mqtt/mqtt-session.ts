import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type IConnackPacket, type IDisconnectPacket, MqttClient, type Packet } from "mqtt";

export interface MqttSessionOptions {
  readonly version: 5 | 4;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  /** In bytes; told to brokers of version 5, and held there. */
  readonly maxPacketSize: number;
  readonly timeoutMs: number;
  /** Gets the server that a broker of version 5 would rather see its client at. */
  onServerReference(reference: string): void;
}

/** A log-in at a broker. Everything of it rejects once the connection has broken. */
export interface MqttSession {
  connect(): Promise<IConnackPacket>;
  /** PINGREQ and its answer. */
  ping(): Promise<void>;
  /** The reason code of the answer: 0 to 2 is the QoS that was granted, 128 and above a refusal. */
  subscribe(topic: string): Promise<number>;
  /** What has arrived on a topic; undefined as long as nothing has. */
  received(topic: string): string | undefined;
  /** Says DISCONNECT, and gives the broker a moment to close the connection. */
  leave(): Promise<void>;
  /** Ends it, whatever state it is in, with its timers. */
  close(): void;
}

/** More than any test lasts, so that the library never pings on its own. Some brokers do not like 0, which means never. */
const keepAliveSeconds = 600;

/** A test has use for five. The library takes its time for each, and a packet may be of two bytes. */
const maxPackets = 1000;

/** A client on a stream that is open already. It keeps no session at the broker, has no will, and never comes back. */
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
    // Its own would be chosen by a variable of the environment.
    log: () => undefined,
  });
  const { promise: broken, reject } = Promise.withResolvers<never>();
  broken.catch(() => undefined);
  client.on("error", reject);
  client.on("disconnect", ({ reasonCode }: IDisconnectPacket) =>
    reject(Object.assign(new Error("DISCONNECT"), { code: reasonCode ?? 0 })),
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
    // One that is said twice is an array, whatever the library declares.
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

/** How long a broker may take to close the connection after DISCONNECT, in milliseconds. */
const leaveMs = 200;
