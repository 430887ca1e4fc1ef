import type { Socket } from "node:net";

/** How a broker answers; each packet as hexadecimal text, undefined for silence. */
export interface FakeBroker {
  /** To CONNECT, by the protocol version in it. */
  connack(version: number, clientId: string): string | undefined;
  /** The code in SUBACK; "hang up" closes the connection instead, "none" sends no SUBACK. */
  readonly suback?: number | "hang up" | "none";
  /** What is sent between SUBACK and the next answer. */
  readonly next?: string;
  readonly pingresp?: string;
}

export const welcome = (version: number) => (version === 5 ? "2003000000" : "20020000");

/** Speaks just enough MQTT, and keeps the type of every packet that it gets. */
export function fakeBroker(broker: FakeBroker, types: string[] = []): (socket: Socket) => void {
  return (socket) => {
    let version = 0;
    const say = (hex: string | undefined) => socket.write(Buffer.from(hex ?? "", "hex"));
    socket.on("data", (bytes: Buffer) => {
      for (let rest = bytes; rest.length > 0; rest = rest.subarray(2 + (rest[1] ?? 0))) {
        const type = names[(rest[0] ?? 0) >> 4] ?? "other";
        types.push(type);
        if (type === "CONNECT") {
          version = rest[8] ?? 0;
          say(broker.connack(version, clientIdIn(rest, version)));
        } else if (type === "PINGREQ") say(broker.pingresp ?? "d000");
        else if (type === "SUBSCRIBE") {
          if (broker.suback === "hang up") return void socket.destroy();
          const code = Buffer.from([Number(broker.suback ?? 0)]).toString("hex");
          const id = rest.subarray(2, 4).toString("hex");
          if (broker.suback !== "none") say(`90${version === 5 ? "04" : "03"}${id}${version === 5 ? "00" : ""}${code}`);
          say(broker.next);
        }
      }
    });
  };
}

/** The client id in a CONNECT: behind the fixed part, and in version 5 behind the properties. */
function clientIdIn(packet: Buffer, version: number): string {
  const at = 12 + (version === 5 ? 1 + (packet[12] ?? 0) : 0);
  return packet.subarray(at + 2, at + 2 + packet.readUInt16BE(at)).toString();
}

const names: Readonly<Record<number, string>> = {
  1: "CONNECT",
  3: "PUBLISH",
  8: "SUBSCRIBE",
  12: "PINGREQ",
  14: "DISCONNECT",
};
