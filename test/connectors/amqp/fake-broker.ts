import { type LocalServer, startLocalServer } from "../local-server.ts";

/** What a client sends, by class and method; the first thing is the protocol header. */
export type Said =
  | "header"
  | "start-ok"
  | "tune-ok"
  | "open"
  | "close"
  | "close-ok"
  | "channel.open"
  | "channel.close"
  | `other ${number}.${number}`;

const names: Readonly<Record<string, Said>> = {
  "10.11": "start-ok",
  "10.31": "tune-ok",
  "10.40": "open",
  "10.50": "close",
  "10.51": "close-ok",
  "20.10": "channel.open",
  "20.40": "channel.close",
};

export interface FakeBroker extends LocalServer {
  /** What all clients have said, in order. */
  readonly said: Said[];
  /** Everything that they sent. */
  received(): Buffer;
}

/** Bytes to answer with, or `hang up`, which may come after bytes. */
export type Script = Partial<Record<Said, Buffer | string | readonly (Buffer | string)[]>>;

/** A broker that answers what clients say as its script tells it, and is silent where that has nothing. */
export async function startFakeBroker(script: Script): Promise<FakeBroker> {
  const said: Said[] = [];
  const chunks: Buffer[] = [];
  const server = await startLocalServer((socket) => {
    let rest = Buffer.alloc(0);
    let greeted = false;
    const hear = (what: Said) => {
      said.push(what);
      const answers = [script[what] ?? []].flat();
      for (const answer of answers) {
        if (answer === "hang up") socket.end();
        else socket.write(answer);
      }
    };
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      rest = Buffer.concat([rest, chunk]);
      if (!greeted && rest.length >= 8) {
        greeted = true;
        rest = rest.subarray(8);
        hear("header");
      }
      while (greeted && rest.length >= 7 && rest.length >= rest.readUInt32BE(3) + 8) {
        const name = `${rest.readUInt16BE(7)}.${rest.readUInt16BE(9)}` as const;
        rest = rest.subarray(rest.readUInt32BE(3) + 8);
        hear(names[name] ?? `other ${name}`);
      }
    });
  });
  return { ...server, said, received: () => Buffer.concat(chunks) };
}

export function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(type);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

function method(channel: number, classId: number, methodId: number, args: Buffer = Buffer.alloc(0)): Buffer {
  return frame(1, channel, Buffer.concat([Buffer.from([0, classId, 0, methodId]), args]));
}

function longText(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function shortText(text: string): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
}

/** A field table of texts and, under names, raw values with their type. */
function table(entries: Readonly<Record<string, string | Buffer>>): Buffer {
  const fields = Object.entries(entries).map(([name, value]) =>
    Buffer.concat([
      shortText(name),
      typeof value === "string" ? Buffer.concat([Buffer.from("S"), longText(value)]) : value,
    ]),
  );
  return longText(Buffer.concat(fields));
}

export function start(mechanisms = "PLAIN AMQPLAIN", properties: Record<string, string | Buffer> = {}): Buffer {
  const args = [Buffer.from([0, 9]), table(properties), longText(mechanisms), longText("en_US")];
  return method(0, 10, 10, Buffer.concat(args));
}

export const secure = method(0, 10, 20, longText("more"));
/** 2047 channels, frames of 128 KiB, a heartbeat every 60 s. */
export const tune = method(0, 10, 30, Buffer.from([0x07, 0xff, 0, 2, 0, 0, 0, 60]));
export const openOk = method(0, 10, 41, shortText(""));
export const channelOpenOk = method(1, 20, 11, longText(""));
export const channelCloseOk = method(1, 20, 41);
export const closeOk = method(0, 10, 51);
export const heartbeat = frame(8, 0, Buffer.alloc(0));

function reason(code: number, text: string): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, shortText(text), Buffer.alloc(4)]);
}

export const close = (code: number, text: string) => method(0, 10, 50, reason(code, text));
export const channelClose = (code: number, text: string) => method(1, 20, 40, reason(code, text));

/** The script of a broker with which everything works. */
export const goodBroker: Script = {
  header: start("PLAIN", { product: "Fake", version: "1.2.3" }),
  "start-ok": tune,
  open: openOk,
  "channel.open": channelOpenOk,
  "channel.close": channelCloseOk,
  close: closeOk,
};
