import { once } from "node:events";
import type { BoundedDuplex } from "../sdk/bounded-duplex.ts";
import { errorCode } from "../sdk/translate-error.ts";
import { encodeBytes, encodeFrame, encodeText, encodeUint16, encodeUint32 } from "./encode-frame.ts";
import { type FrameReader, maxFrameLength, readFrames, wrongProtocol } from "./read-frames.ts";
import { answerTo, streamCommand } from "./stream-command.ts";

export type Properties = ReadonlyMap<string, string>;

/**
 * The requests of a test, in the order that the protocol requires. Each rejects with the code `RESPONSE_<n>` for a response
 * code other than OK, `ERR_WRONG_PROTOCOL` for an invalid response, and `ECONNRESET` when the broker closes the connection.
 */
export interface StreamClient {
  /** Sends the client's properties once the stream is connected; resolves with those of the broker, such as `version`. */
  exchangeProperties(own: Readonly<Record<string, string>>): Promise<Properties>;
  /** Resolves with the SASL mechanisms that the broker offers. */
  mechanisms(): Promise<readonly string[]>;
  /** Logs in with PLAIN, and accepts the broker's limits without heartbeats. */
  logIn(username: string, password: string): Promise<void>;
  /** Opens a virtual host; resolves with the announced properties, such as `advertised_host`. */
  open(virtualHost: string): Promise<Properties>;
  /** Requests metadata for an empty list of streams. */
  askForMetadata(): Promise<void>;
  close(): Promise<void>;
}

const ok = 1;

/** The maximum number of heartbeats. None is negotiated, and a test ends before the second heartbeat of any broker. */
const maxHeartbeats = 10;

/**
 * Returns a client of the stream protocol. The published library (rabbitmq-stream-js-client 1.0.0) is not used: it dials by
 * itself, and turns a wrong password into an unhandled rejection and a denied virtual host into an uncaught exception.
 */
export function openStreamClient(stream: BoundedDuplex): StreamClient {
  const frames = readFrames(stream);
  let correlationId = 0;
  // A pending read rejects with the error; this listener is for the case without one.
  stream.on("error", () => {});

  const receive = async (key: number): Promise<FrameReader> => {
    for (let heartbeats = 0; heartbeats <= maxHeartbeats; heartbeats += 1) {
      const { value: frame } = await frames.next();
      if (frame === undefined) throw closed();
      if (frame.key === key) return frame.content;
      if (frame.key === streamCommand.close) throw closedByBroker(frame.content);
      if (frame.key !== streamCommand.heartbeat) break;
    }
    throw wrongProtocol();
  };
  const request = async (key: number, ...parts: readonly Buffer[]): Promise<FrameReader> => {
    correlationId += 1;
    stream.write(encodeFrame(key, encodeUint32(correlationId), ...parts));
    const answer = await receive(answerTo(key));
    if (answer.uint32() !== correlationId) throw wrongProtocol();
    return answer;
  };
  const ask = async (key: number, ...parts: readonly Buffer[]): Promise<FrameReader> => {
    const answer = await request(key, ...parts);
    const code = answer.uint16();
    if (code !== ok) throw refused(code);
    return answer;
  };

  return {
    exchangeProperties: async (own) => {
      await once(stream, "connect");
      const entries = Object.entries(own);
      const texts = entries.flat().map(encodeText);
      const answer = ask(streamCommand.peerProperties, encodeUint32(entries.length), ...texts);
      // Servers of other protocols close the connection on this first command.
      return readProperties(await answer.catch((error) => Promise.reject(isClosed(error) ? wrongProtocol() : error)));
    },
    mechanisms: async () => {
      const answer = await ask(streamCommand.saslHandshake);
      return answer.list(answer.text);
    },
    logIn: async (username, password) => {
      const response = encodeBytes(Buffer.from(`\0${username}\0${password}`));
      await ask(streamCommand.saslAuthenticate, encodeText("PLAIN"), response);
      const theirs = (await receive(streamCommand.tune)).uint32();
      // 0 means no limit.
      const frameMax = theirs === 0 ? maxFrameLength : Math.min(theirs, maxFrameLength);
      const noHeartbeat = 0;
      stream.write(encodeFrame(streamCommand.tune, encodeUint32(frameMax), encodeUint32(noHeartbeat)));
    },
    open: async (virtualHost) => readProperties(await ask(streamCommand.open, encodeText(virtualHost))),
    askForMetadata: async () => {
      // The response has no response code, but a number of brokers and one of streams.
      const answer = await request(streamCommand.metadata, encodeUint32(0));
      answer.list(() => [answer.uint16(), answer.text(), answer.uint32()]);
      if (answer.uint32() !== 0) throw wrongProtocol();
    },
    close: async () => {
      await ask(streamCommand.close, encodeUint16(ok), encodeText("OK"));
    },
  };
}

function readProperties(answer: FrameReader): Properties {
  return new Map(answer.list(() => [answer.text(), answer.text()] as const));
}

/** A broker closes the connection with a response code as the reason. */
function closedByBroker(content: FrameReader): Error {
  content.uint32();
  return refused(content.uint16());
}

function closed(): Error {
  return Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
}

function isClosed(error: unknown): boolean {
  return errorCode(error) === "ECONNRESET";
}

function refused(code: number): Error {
  return Object.assign(new Error(`response code ${code}`), { code: `RESPONSE_${code}` });
}
