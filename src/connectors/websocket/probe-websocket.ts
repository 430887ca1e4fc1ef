import { once } from "node:events";
import { WebSocket } from "ws";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { WebsocketConfig } from "../../../gen/connectory/v1/websocket_config_pb.js";
import { withSignal } from "../../concurrency/with-signal.ts";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { createHttpAgent } from "../sdk/http/http-agent.ts";
import { holdsSecret, loginHeaders, passwordInClear } from "../sdk/http/http-auth.ts";
import { translateHttpError } from "../sdk/http/http-client.ts";
import { translateHttpStatus } from "../sdk/http/translate-http-status.ts";
import { urlTarget } from "../sdk/url.ts";
import { urlTls } from "../sdk/url-tls.ts";

/** The maximum size of a message, in bytes; a larger one fails the connection. Messages are not used. */
const maxPayload = 64 * 1024;

/** The time that a server has to complete the close handshake, in milliseconds; a missing response is not a failure. */
const closePatienceMs = 1000;

/** Opens a WebSocket and closes it with the close handshake; sends no message. Rejects with a ProbeError. */
export async function probeWebsocket(config: WebsocketConfig, probe: Probe): Promise<void> {
  const url = new URL(config.url);
  const target = urlTarget(url);
  const options = { field: "url", tls: urlTls(url, config.tls) };
  const step = (stage: TestStage): Step => ({
    stage,
    endpoint: endpointName(target),
    field: "url",
    translate: translateWebsocketError,
  });
  const socket = await probe.open({ ...target, ...options });
  const agent = createHttpAgent(probe, { ...options, first: { ...target, socket } });
  const warning = passwordInClear(url, holdsSecret(config));
  let client: WebSocket | undefined;
  try {
    await probe.step({ ...step(TestStage.AUTHENTICATE), warning }, () => {
      client = new WebSocket(url, config.subprotocols, {
        agent,
        headers: { "user-agent": "connectory", ...loginHeaders(config) },
        followRedirects: false,
        perMessageDeflate: false,
        maxPayload,
      });
      return opened(client, config);
    });
    await probe.step(step(TestStage.AUTHORIZE), async () => {});
    await probe.step(step(TestStage.CAPABILITY), async () => {
      if (client === undefined) return;
      probe.fact("subprotocol", client.protocol);
      await close(client, probe.signal);
    });
  } finally {
    client?.terminate();
    agent.destroy();
    socket.destroy();
  }
}

/** Resolves when the connection is open; rejects with the meaning of any other response. */
async function opened(client: WebSocket, config: WebsocketConfig): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.once("open", resolve);
  // The listener stays, so that an error after the end is handled.
  client.on("error", reject);
  client.once("unexpected-response", (request, { statusCode = 0, headers }) => {
    const versions = String(headers["sec-websocket-version"] ?? "13");
    // Some servers name their version in every refusal.
    reject(/\b13\b/.test(versions) ? refusal(statusCode, config) : otherVersion());
    request.destroy();
  });
  await promise;
}

function refusal(status: number, config: WebsocketConfig): ProbeError {
  if (status >= 300 && status < 400)
    return new ProbeError(
      "REDIRECTED",
      "the server redirects, and WebSocket clients do not follow: configure the final url",
      "url",
      TestStage.CAPABILITY,
    );
  return translateHttpStatus(status, config) ?? notWebsocket();
}

/** A server names its versions when it does not have the requested one, 13 (RFC 6455, 4.4). */
function otherVersion(): ProbeError {
  const hint = "the server speaks the WebSocket protocol in another version than 13";
  return new ProbeError("VERSION_UNSUPPORTED", hint, "url", TestStage.CAPABILITY);
}

function notWebsocket(): ProbeError {
  const hint = "what answers there speaks HTTP and does not open a WebSocket: check the path of the url";
  return new ProbeError("NOT_A_WEBSOCKET_ENDPOINT", hint, "url", TestStage.CAPABILITY);
}

async function close(client: WebSocket, signal: AbortSignal): Promise<void> {
  if (client.readyState === WebSocket.CLOSED) return;
  const closed = once(client, "close");
  client.close(1000);
  try {
    await withSignal(closed, AbortSignal.timeout(closePatienceMs));
  } catch {
    signal.throwIfAborted();
  }
}

/** ws has no codes for an invalid handshake response; its messages are matched by their beginning. */
function translateWebsocketError(error: unknown): ProbeError | undefined {
  const transport = translateHttpError(error, "url");
  if (transport !== undefined || !(error instanceof Error)) return transport;
  if (/^Server sent (no|an invalid) subprotocol/.test(error.message))
    return new ProbeError(
      "SUBPROTOCOL_REFUSED",
      "the server speaks none of the subprotocols",
      "subprotocols",
      TestStage.CAPABILITY,
    );
  const handshake = /^(Invalid (Upgrade|Sec-WebSocket-)|Server (sent|indicated) )/.test(error.message);
  return handshake ? notWebsocket() : undefined;
}
