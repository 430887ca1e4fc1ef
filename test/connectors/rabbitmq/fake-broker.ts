import { type LocalServer, startLocalServer } from "../local-server.ts";

/** The commands that a client may send in a test, by their keys. */
const names: Readonly<Record<number, Command>> = {
  15: "metadata",
  17: "properties",
  18: "mechanisms",
  19: "log-in",
  20: "tune",
  21: "open",
  22: "close",
};

export type Command =
  | "metadata"
  | "properties"
  | "mechanisms"
  | "log-in"
  | "tune"
  | "open"
  | "close"
  | `other ${number}`;

/** Bytes to answer with; text goes out as it is, and `hang up` ends the connection. */
type Answer = Buffer | string;
export type Script = Partial<Record<Command, Answer | readonly Answer[]>>;

export interface FakeBroker extends LocalServer {
  /** What all clients have said, in order. */
  readonly said: Command[];
  /** Everything that they sent. */
  received(): Buffer;
}

/** A broker that answers each command as its script tells it, and is silent where that has nothing. */
export async function startFakeBroker(script: Script): Promise<FakeBroker> {
  const said: Command[] = [];
  const chunks: Buffer[] = [];
  const server = await startLocalServer((socket) => {
    let rest = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 8 && rest.length >= rest.readUInt32BE(0) + 4) {
        const key = rest.readUInt16BE(4);
        const command = names[key] ?? `other ${key}`;
        said.push(command);
        rest = rest.subarray(rest.readUInt32BE(0) + 4);
        for (const answer of [script[command] ?? []].flat()) {
          if (answer === "hang up") socket.end();
          else socket.write(answer);
        }
      }
    });
  });
  return { ...server, said, received: () => Buffer.concat(chunks) };
}

/** A frame of hexadecimal digits, blanks aside, with its length before it. */
export function frame(hex: string): Buffer {
  const content = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return Buffer.concat([Buffer.from(content.length.toString(16).padStart(8, "0"), "hex"), content]);
}

function text(value: string): string {
  const bytes = Buffer.from(value);
  return bytes.length.toString(16).padStart(4, "0") + bytes.toString("hex");
}

export function properties(entries: Readonly<Record<string, string>>): string {
  const texts = Object.entries(entries).flat().map(text);
  return (texts.length / 2).toString(16).padStart(8, "0") + texts.join("");
}

/** The answer to a client's n-th command that is answered, with a response code. */
export function answer(key: string, correlationId: number, code: number, rest = ""): Buffer {
  return frame(`${key} 0001 0000000${correlationId} ${code.toString(16).padStart(4, "0")} ${rest}`);
}

export const welcome = (own: Readonly<Record<string, string>>) => answer("8011", 1, 1, properties(own));
export const mechanisms = (...list: readonly string[]) =>
  answer("8012", 2, 1, `0000000${list.length}${list.map(text).join("")}`);
export const loggedIn = answer("8013", 3, 1);
/** Frames of 1 MiB, a heartbeat every 60 s. */
export const tune = frame("0014 0001 00100000 0000003c");
export const opened = (announced: Readonly<Record<string, string>>) => answer("8015", 4, 1, properties(announced));
export const metadata = frame("800f 0001 00000005 00000000 00000000");
export const closed = answer("8016", 6, 1);
export const heartbeat = frame("0017 0001");
/** The broker ends the connection. */
export const goodbye = (code: number) =>
  frame(`0016 0001 00000001 ${code.toString(16).padStart(4, "0")} ${text("0123 from the broker itself")}`);

/** The script of a broker with which everything works, and which announces nothing. */
export const goodBroker: Script = {
  properties: welcome({ product: "Fake", version: "1.2.3", secret: "not for a report" }),
  mechanisms: mechanisms("AMQPLAIN", "PLAIN"),
  "log-in": [loggedIn, tune],
  open: opened({}),
  metadata,
  close: closed,
};
