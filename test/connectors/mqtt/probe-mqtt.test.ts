import { once } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { blackHole, type LocalServer, sendWithoutEnd, startLocalServer } from "../local-server.ts";
import { endedIn, failure, steps, tryConnector } from "../run-probe.ts";
import { fakeBroker, welcome } from "./fake-broker.ts";

const servers: LocalServer[] = [];
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
let before = 0;
// Counted in the same way as after the test: vitest has timers of its own.
beforeEach(() => expect.poll(() => (before = timers())).toBeGreaterThanOrEqual(0));
afterEach(async () => {
  const ended = servers.splice(0);
  for (const server of ended) await expect.poll(() => server.open()).toBe(0);
  for (const server of ended) await server.close();
  await expect.poll(timers).toBeLessThanOrEqual(before);
});

async function serve(behave?: (socket: Socket) => void): Promise<LocalServer> {
  const server = behave === undefined ? await blackHole() : await startLocalServer(behave);
  servers.push(server);
  return server;
}

const login = { username: "u", password: "p" };
const urlOf = ({ endpoint }: LocalServer) => `mqtt://${endpoint}`;
const factsOf = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));

describe("a black hole", () => {
  test.each(["mqtt", "ws"])("with %s ends with the deadline", async (scheme) => {
    const server = await serve();
    const outcome = await tryConnector("mqtt", { url: `${scheme}://${server.endpoint}` }, { deadlineMs: 1000 });
    expect(failure(outcome)).toMatchObject({ code: "TIMED_OUT" });
  });

  test.each(["mqtt", "ws"])("with %s ends with the caller", async (scheme) => {
    const server = await serve();
    const caller = new AbortController();
    const running = tryConnector("mqtt", { url: `${scheme}://${server.endpoint}` }, { signal: caller.signal });
    const ended = running.catch((error: unknown) => error);
    await expect.poll(() => server.open()).toBe(1);
    caller.abort(new Error("gone"));
    expect(await ended).toMatchObject({ message: "gone" });
  });

  test("after the log-in ends with the deadline", async () => {
    const server = await serve(fakeBroker({ connack: welcome, pingresp: "" }));
    const run = (deadlineMs: number) => tryConnector("mqtt", { url: urlOf(server) }, { deadlineMs });
    const outcome = await endedIn("CAPABILITY", run);
    expect(steps(outcome)).toContain("CAPABILITY FAILED TIMED_OUT");
  });
});

describe("a broker", () => {
  test("is told nothing that would leave a trace", async () => {
    const types: string[] = [];
    const server = await serve(fakeBroker({ connack: welcome }, types));
    await tryConnector("mqtt", { url: urlOf(server), ...login });
    expect(types).toEqual(["CONNECT", "PINGREQ", "SUBSCRIBE", "PINGREQ", "DISCONNECT"]);
  });

  test("gets a clean session of a random client, without a will", async () => {
    const connects: Buffer[] = [];
    const server = await serve((socket) => {
      socket.once("data", (bytes: Buffer) => connects.push(bytes));
      fakeBroker({ connack: welcome })(socket);
    });
    const config = { url: urlOf(server), ...login, clientPrefix: "of-a-test-" };
    await tryConnector("mqtt", config);
    await tryConnector("mqtt", config);
    // User name, password, clean start; no will, no retained will, no QoS of one.
    expect(connects.map((bytes) => bytes[9])).toEqual([0b11000010, 0b11000010]);
    const ids = connects.map((bytes) => /of-a-test-[0-9a-f]{12}/.exec(bytes.toString("latin1"))?.[0]);
    expect(new Set(ids).size).toBe(2);
    expect(ids).not.toContain(undefined);
  });

  test.each([
    ["says so in its own words", "20020001"],
    ["says so in the words of version 5", "2003008400"],
  ])("that speaks 3.1.1 and %s is spoken to in that", async (_, refusal) => {
    const server = await serve(fakeBroker({ connack: (version) => (version === 5 ? refusal : welcome(4)) }));
    const outcome = await tryConnector("mqtt", { url: urlOf(server), ...login });
    expect(outcome.error).toBe(false);
    expect(factsOf(outcome)).toEqual({ protocol_version: "3.1.1" });
    expect(server.total()).toBe(2);
  });

  test("that hangs up on version 5 is spoken to in 3.1.1", async () => {
    const server = await serve((socket) => {
      socket.once("data", (bytes: Buffer) => bytes[8] === 5 && socket.destroy());
      fakeBroker({ connack: (version) => (version === 5 ? undefined : welcome(4)) })(socket);
    });
    expect(await tryConnector("mqtt", { url: urlOf(server) })).toMatchObject({ error: false });
  });

  test("tells its limits", async () => {
    // Maximum QoS 1, retain not available, maximum packet size 65536.
    const connack = () => "200c00000924012500270001 0000".replace(" ", "");
    const server = await serve(fakeBroker({ connack }));
    expect(factsOf(await tryConnector("mqtt", { url: urlOf(server) }))).toMatchObject({
      protocol_version: "5",
      maximum_qos: "1",
      retain_available: "false",
      maximum_packet_size: "65536",
    });
  });

  test.each([
    ["2003008600", "PASSWORD_WRONG", "password"],
    ["2003008700", "PASSWORD_WRONG", "password"],
    ["2003008800", "SERVER_UNAVAILABLE", "url"],
    ["2003008900", "SERVER_BUSY", "url"],
    ["2003008a00", "BANNED", "username"],
    ["2003008500", "CLIENT_ID_REFUSED", "client_id"],
    ["2003009700", "QUOTA_EXCEEDED", "username"],
    ["2003009c00", "USE_ANOTHER_SERVER", "url"],
    ["200300ff00", "REFUSED_BY_BROKER", "url"],
  ])("that answers %s: %s", async (connack, code, field) => {
    const server = await serve(fakeBroker({ connack: () => connack }));
    const outcome = await tryConnector("mqtt", { url: urlOf(server), ...login });
    expect(failure(outcome)).toMatchObject({ code, field });
    expect(steps(outcome)).toContain(`AUTHENTICATE FAILED ${code}`);
    expect(server.total()).toBe(1);
  });

  test("of 3.1.1 that refuses the password", async () => {
    const connack = (version: number) => (version === 5 ? "20020001" : "20020004");
    const server = await serve(fakeBroker({ connack }));
    expect(failure(await tryConnector("mqtt", { url: urlOf(server), ...login }))?.code).toBe("PASSWORD_WRONG");
  });

  test("that sends its clients elsewhere is not followed, and its word is a fact", async () => {
    const elsewhere = await serve();
    const reference = Buffer.from(elsewhere.endpoint);
    const property = Buffer.concat([Buffer.from([0x1c, 0, reference.length]), reference]);
    const body = Buffer.concat([Buffer.from([0, 0x9d, property.length]), property]);
    const connack = Buffer.concat([Buffer.from([0x20, body.length]), body]).toString("hex");
    const server = await serve(fakeBroker({ connack: () => connack }));
    const outcome = await tryConnector("mqtt", { url: urlOf(server), ...login });
    expect(failure(outcome)).toMatchObject({ code: "USE_ANOTHER_SERVER", field: "url" });
    expect(factsOf(outcome)).toEqual({ server_reference: elsewhere.endpoint });
    expect(elsewhere.total()).toBe(0);
  });

  test("that names two servers to go to names none", async () => {
    const connack = () => `200d009d0a${"1c00023a31".repeat(2)}`;
    const outcome = await tryConnector("mqtt", { url: urlOf(await serve(fakeBroker({ connack }))) });
    expect(failure(outcome)).toMatchObject({ code: "USE_ANOTHER_SERVER" });
    expect(factsOf(outcome)).toEqual({});
  });

  test.each([
    ["refuses the subscription", 0x87, "PERMISSION_DENIED"],
    ["hangs up on the subscription", "hang up", "PERMISSION_DENIED"],
    ["takes the subscription and sends nothing", 0, "PERMISSION_NOT_SHOWN"],
  ] as const)("that %s is a warning", async (_, suback, code) => {
    const server = await serve(fakeBroker({ connack: welcome, suback }));
    const outcome = await tryConnector("mqtt", { url: urlOf(server), ...login });
    expect(outcome.error).toBe(false);
    expect(steps(outcome).at(-1)).toBe(`AUTHORIZE WARNING ${code}`);
  });

  test("that sends larger packets than agreed", async () => {
    const next = `30b04e0000${"00".repeat(10_030)}`;
    const server = await serve(fakeBroker({ connack: welcome, next }));
    const outcome = await tryConnector("mqtt", { url: urlOf(server), maxPacketSize: 5000 });
    expect(failure(outcome)).toMatchObject({ code: "PACKET_TOO_LARGE", field: "max_packet_size" });
  });
});

describe("what is no broker", () => {
  test.each([
    ["an HTTP server", (socket: Socket) => void socket.once("data", () => socket.write("HTTP/1.1 400 Bad\r\n\r\n"))],
    ["an SSH server", (socket: Socket) => void socket.write("SSH-2.0-OpenSSH_9.9\r\n")],
    ["nonsense in place of CONNACK", fakeBroker({ connack: () => "20ff00000000" })],
    ["nonsense after CONNACK", fakeBroker({ connack: () => "2003000000 0f00f0f0".replace(" ", "") })],
  ])("%s is recognised", async (_, behave) => {
    const server = await serve(behave);
    const run = (deadlineMs: number) => tryConnector("mqtt", { url: urlOf(server) }, { deadlineMs });
    const outcome = await endedIn("AUTHENTICATE", run);
    expect(failure(outcome)?.code).toMatch(/^(NOT_AN_MQTT_BROKER|TIMED_OUT)$/);
    expect(failure(outcome)?.field).toBe(failure(outcome)?.code === "TIMED_OUT" ? "username" : "url");
  });

  test("an endless answer", async () => {
    const server = await serve((socket) => {
      socket.once("data", () => {
        socket.write(Buffer.from("20ffffff7f", "hex"));
        sendWithoutEnd(socket);
      });
    });
    const outcome = await tryConnector("mqtt", { url: urlOf(server) });
    expect(failure(outcome)?.code).toBe("TOO_MUCH_DATA");
  });

  test("a flood of the smallest packets", async () => {
    const server = await serve((socket) => {
      socket.once("data", () => {
        socket.write(Buffer.from(welcome(5), "hex"));
        sendWithoutEnd(socket, Buffer.alloc(65_536, "d000", "hex"));
      });
    });
    const outcome = await tryConnector("mqtt", { url: urlOf(server) });
    expect(failure(outcome)).toMatchObject({ code: "NOT_AN_MQTT_BROKER", field: "url" });
  });

  test.each([
    ["no WebSocket", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"],
    ["a redirect", "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"],
    ["what is no HTTP", "SSH-2.0-OpenSSH_9.9\r\n"],
  ])("a web server with %s", async (_, answer) => {
    const server = await serve((socket) => void socket.once("data", () => socket.write(answer)));
    const outcome = await tryConnector("mqtt", { url: `ws://${server.endpoint}` });
    expect(failure(outcome)).toMatchObject({ code: "NOT_A_WEBSOCKET", field: "url" });
  });

  test("a WebSocket without MQTT", async () => {
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => false });
    await once(sockets, "listening");
    try {
      const url = `ws://127.0.0.1:${(sockets.address() as { port: number }).port}`;
      expect(failure(await tryConnector("mqtt", { url }))).toMatchObject({ code: "NOT_A_WEBSOCKET", field: "url" });
    } finally {
      sockets.close();
    }
  });
});

describe("a broker behind a WebSocket", () => {
  /** Opens a WebSocket with everybody, and leaves the rest, from the first message on, to `behave`. */
  async function over(behave: (webSocket: WebSocket, socket: Duplex) => void) {
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "mqtt" });
    sockets.on("connection", (webSocket, { socket }) => {
      webSocket.on("error", () => undefined);
      webSocket.once("message", () => behave(webSocket, socket));
    });
    await once(sockets, "listening");
    try {
      const url = `ws://127.0.0.1:${(sockets.address() as { port: number }).port}`;
      return await tryConnector("mqtt", { url });
    } finally {
      sockets.close();
      for (const client of sockets.clients) client.terminate();
    }
  }
  const bytes = (hex: string) => Buffer.from(hex, "hex");

  test.each([
    ["an end", (_: WebSocket, socket: Duplex) => void socket.end()],
    ["a reset", (_: WebSocket, socket: Duplex) => void (socket as Socket).resetAndDestroy()],
    ["a close frame", (webSocket: WebSocket) => webSocket.close()],
  ])("that hangs up with %s is found at once, in both versions", async (_, behave) => {
    const outcome = await over(behave);
    expect(failure(outcome)).toMatchObject({ code: "CONNECTION_CLOSED", field: "url" });
    expect(steps(outcome).filter((step) => step.includes("TIMED_OUT"))).toEqual([]);
  });

  test("that refuses and hangs up is heard before it is gone", async () => {
    const outcome = await over((webSocket) => {
      webSocket.send(bytes("2003008a00"));
      webSocket.close();
    });
    expect(failure(outcome)).toMatchObject({ code: "BANNED" });
  });

  test.each([
    ["frames that are none", (_: WebSocket, socket: Duplex) => void socket.write(bytes("ff00"))],
    [
      "a message of millions of packets",
      (webSocket: WebSocket) => webSocket.send(Buffer.alloc(16 << 20, "d000", "hex")),
    ],
    ["a message of many packets", (webSocket: WebSocket) => webSocket.send(Buffer.alloc(65_536, "d000", "hex"))],
  ])("that sends %s is none", async (_, behave) => {
    expect(failure(await over(behave))).toMatchObject({ code: "NOT_AN_MQTT_BROKER", field: "url" });
  });
});
