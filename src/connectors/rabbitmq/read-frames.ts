import type { Readable } from "node:stream";

/** The maximum size of a frame, in bytes. The responses to a test's requests have a few hundred. */
export const maxFrameLength = 65_536;

/** A frame without its length: its key, and its content after the version. */
export interface Frame {
  readonly key: number;
  readonly content: FrameReader;
}

/** Reads the values of a frame in order; throws `ERR_WRONG_PROTOCOL` past its end. */
export interface FrameReader {
  uint16(): number;
  uint32(): number;
  text(): string;
  /** Returns a list, whose number of items precedes it. */
  list<T>(item: () => T): readonly T[];
}

/** Returns the error for data that cannot be of the protocol. */
export function wrongProtocol(): Error {
  return Object.assign(new Error("not the stream protocol"), { code: "ERR_WRONG_PROTOCOL" });
}

/** Yields the received frames until the end of the stream. */
export async function* readFrames(stream: Readable): AsyncGenerator<Frame, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0);
      if (length > maxFrameLength) throw wrongProtocol();
      if (rest.length < 4 + length) break;
      const content = createFrameReader(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
      const key = content.uint16();
      if (content.uint16() !== 1) throw wrongProtocol();
      yield { key, content };
    }
  }
}

function createFrameReader(bytes: Buffer): FrameReader {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw wrongProtocol();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const uint16 = () => take(2).readUInt16BE();
  const uint32 = () => take(4).readUInt32BE();
  return {
    uint16,
    uint32,
    text: () => take(uint16()).toString("utf8"),
    list: (item) => {
      const items = [];
      for (let left = uint32(); left > 0; left -= 1) items.push(item());
      return items;
    },
  };
}
