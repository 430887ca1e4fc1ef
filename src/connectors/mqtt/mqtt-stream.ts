import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocket } from "ws";
import { boundedDuplex } from "../sdk/bounded-duplex.ts";
import { type Probe, ProbeError } from "../sdk/connector.ts";
import { createHttpAgent } from "../sdk/http/http-agent.ts";
import { errorCode } from "../sdk/translate-error.ts";
import type { MqttAddress } from "./mqtt-address.ts";

/** The maximum number of received bytes, the same as in `boundedDuplex`. */
const maxBytes = 32 * 1024 * 1024;
/** The maximum size of one WebSocket message, in bytes. */
const maxMessage = 64 * 1024;
/**
 * The maximum number of bytes passed to the library at once. It parses them in one turn, in a time quadratic in the number of
 * packets: 200 KB of packets of two bytes took 11 s.
 */
const maxPiece = 4096;

/** Returns the stream for MQTT: the socket itself, or a WebSocket over it. Rejects when the WebSocket handshake fails. */
export async function mqttStream(socket: Socket, address: MqttAddress, probe: Probe): Promise<Duplex> {
  return inPieces(await openStream(socket, address, probe));
}

function inPieces(stream: Duplex): Duplex {
  const push = stream.push.bind(stream);
  stream.push = (chunk: Buffer | null) => {
    if (chunk === null) return push(null);
    let wantsMore = true;
    for (let at = 0; at < chunk.length; at += maxPiece) wantsMore = push(chunk.subarray(at, at + maxPiece));
    return wantsMore;
  };
  return stream;
}

async function openStream(socket: Socket, address: MqttAddress, probe: Probe): Promise<Duplex> {
  if (address.webSocketUrl === undefined)
    return boundedDuplex(Promise.resolve(socket), { isProtocol: isConnack, headLength: 2 });
  const agent = createHttpAgent(probe, { field: "url", tls: address.tls, first: { ...address, socket } });
  const webSocket = new WebSocket(address.webSocketUrl, ["mqtt"], {
    agent,
    followRedirects: false,
    perMessageDeflate: false,
    maxPayload: maxMessage,
  });
  try {
    await opened(webSocket);
    const stream = createWebSocketStream(webSocket);
    limit(webSocket, stream);
    // Without this the stream would keep its writable half open, and never close.
    stream.once("end", () => stream.destroy());
    return stream;
  } catch (error) {
    webSocket.terminate();
    throw error;
  } finally {
    // The socket belongs to the WebSocket now; the agent keeps none.
    agent.destroy();
  }
}

/** Returns true for the start of a CONNACK, a broker's first packet: its type, and a possible length. */
function isConnack(firstBytes: Buffer): boolean {
  return firstBytes[0] === 0x20 && (firstBytes[1] ?? 0) >= 2;
}

function opened(webSocket: WebSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  webSocket.once("open", resolve);
  // The stream emits further errors, and after the first one nothing waits for them.
  webSocket.on("error", (error) => reject(isOfHttp(error) ? notAWebSocket() : error));
  webSocket.once("close", () => reject(notAWebSocket()));
  webSocket.once("unexpected-response", (request, { statusCode = 0 }) => {
    request.destroy();
    reject(notAWebSocket(`it answered with the HTTP status ${statusCode}`));
  });
  return promise;
}

/** True for errors of the WebSocket handshake, which have no code, and of Node's HTTP parser, which have their own. */
function isOfHttp(error: Error): boolean {
  return errorCode(error) === "" || errorCode(error).startsWith("HPE_");
}

function notAWebSocket(why = "it does not offer MQTT there"): ProbeError {
  return new ProbeError("NOT_A_WEBSOCKET", `the server did not open a WebSocket, ${why}: check port and path`, "url");
}

function limit(webSocket: WebSocket, stream: Duplex): void {
  let bytes = 0;
  webSocket.on("message", (data: Buffer) => {
    bytes += data.length;
    if (bytes > maxBytes) stream.destroy(Object.assign(new Error("too much"), { code: "ERR_TOO_MUCH_DATA" }));
  });
}
