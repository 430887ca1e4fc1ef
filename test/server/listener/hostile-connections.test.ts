import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { constants } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { createConnectionLimits } from "../../../src/server/admission/connection-limits.ts";
import type { ListenerTimeouts } from "../../../src/server/listener/http2-sessions.ts";
import { type HttpListener, listenHttp } from "../../../src/server/listener/listen-http.ts";
import { openHttp2 } from "../../support/http2-client.ts";

const file = (name: string) => readFile(join(import.meta.dirname, "../../support/certificates", `${name}.pem`));
const tls = { cert: await file("server"), key: await file("server-key"), clientCa: undefined };
const ca = await file("authority");

/** So short that nobody waits, and so long that a slow machine does not end what is right. */
const short: ListenerTimeouts = { headersMs: 300, requestMs: 600, idleMs: 300 };
const patient: ListenerTimeouts = { headersMs: 60_000, requestMs: 60_000, idleMs: 60_000 };

let listener: HttpListener | undefined;
afterEach(async () => {
  listener?.cut();
  if (listener?.server.listening === true) await new Promise((resolve) => listener?.server.close(resolve));
});

/** A server that says who asked what, once it has the whole request. `/wait` is never answered. */
async function start(timeouts: ListenerTimeouts, options: { tls?: typeof tls; perAddress?: number } = {}) {
  const admit = createConnectionLimits({ total: 1000, perAddress: options.perAddress ?? 1000 });
  listener = listenHttp({
    admit,
    tls: options.tls,
    timeouts,
    handle: (request, response) => {
      request.on("error", () => undefined).resume();
      if (request.url === "/wait") return;
      request.on("end", () => (response as ServerResponse).end(request.httpVersion));
    },
  });
  listener.server.on("clientError", (_error: Error, socket: Socket) => socket.destroy());
  listener.server.listen(0, "127.0.0.1");
  await once(listener.server, "listening");
  return (listener.server.address() as AddressInfo).port;
}

/** Everything that comes until the server ends the connection. */
async function untilClosed(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => undefined);
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks);
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function frame(type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const settings = frame(4, 0, 0);
/** `:method: GET`, `:scheme: http`, `:path: /wait`, `:authority: a`, in HPACK without Huffman. */
const headersOfGet = Buffer.from([0x82, 0x86, 0x04, 5, ...Buffer.from("/wait"), 0x01, 1, ...Buffer.from("a")]);

describe("a connection that is of no use is closed", () => {
  test.each([
    ["on which nothing comes", ""],
    ["with half a request line", "GET / HT"],
    ["with headers that do not end", "GET / HTTP/1.1\r\nhost: a\r\n"],
    ["with half a preface of HTTP/2", preface.subarray(0, 10)],
    ["with a preface alone", preface],
    ["with settings alone", Buffer.concat([preface, settings])],
    ["with headers of HTTP/2 that do not end", Buffer.concat([preface, settings, frame(1, 0, 1, headersOfGet)])],
    ["with a body that does not end", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc"],
  ])("%s", async (_what, bytes) => {
    const socket = connect(await start(short), "127.0.0.1");
    socket.write(bytes);
    await untilClosed(socket);
  });

  test.each(["in clear", "under TLS"])(
    "a caller of HTTP/2 %s who hangs up in the middle of a request is gone",
    async (how) => {
      const secure = how === "under TLS";
      const port = await start(patient, secure ? { tls } : {});
      const taken = once((listener as HttpListener).server, "connection");
      const client = secure
        ? connectTls({ port, host: "127.0.0.1", ca, servername: "localhost", ALPNProtocols: ["h2"] })
        : connect(port, "127.0.0.1");
      client.on("error", () => undefined);
      client.write(Buffer.concat([preface, settings, frame(1, 4, 1, headersOfGet)]));
      const [socket] = (await taken) as [Socket];
      const closed = once(socket, "close");
      await once(client, "data");
      client.end(); // and no more: it does not wait for an answer
      await closed;
      client.destroy();
    },
  );

  test("also when pings come all the time", async () => {
    const socket = connect(await start(short), "127.0.0.1");
    socket.write(Buffer.concat([preface, settings]));
    const ping = setInterval(() => socket.write(frame(6, 0, 0, Buffer.alloc(8))), 20);
    await untilClosed(socket);
    clearInterval(ping);
  });

  test("that does not finish its TLS handshake, or says nothing after it, by either version", async () => {
    const port = await start(short, { tls });
    await untilClosed(connect(port, "127.0.0.1"));
    for (const protocol of ["h2", "http/1.1"])
      await untilClosed(connectTls({ port, host: "127.0.0.1", ca, ALPNProtocols: [protocol] }));
  });

  test("over the limit of its address, ahead of any handshake", async () => {
    const port = await start(patient, { tls, perAddress: 2 });
    const kept = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
    await Promise.all(kept.map((socket) => once(socket, "connect")));
    await untilClosed(connect(port, "127.0.0.1"));
    expect(kept.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    for (const socket of kept) socket.destroy();
  });
});

describe("over HTTP/2", () => {
  test("a stream whose request does not arrive whole is ended, and no other", async () => {
    const port = await start({ ...patient, headersMs: 1500, requestMs: 1500 });
    const client = await openHttp2(`http://127.0.0.1:${port}`);
    const late = client.open("POST /late");
    const closed = once(late, "close");
    late.write("a");
    const wanted = client.open("GET /wait");
    wanted.end();
    await closed;
    expect([late.rstCode, wanted.closed]).toEqual([constants.NGHTTP2_CANCEL, false]);
    expect((await client.request("GET /")).text).toBe("2.0");
    client.close();
  });

  test("headers over 64 kB are 431, and the session lives on", async () => {
    const url = `http://127.0.0.1:${await start(patient)}`;
    const client = await openHttp2(url, { maxSendHeaderBlockLength: 1_000_000 });
    for (let round = 0; round < 3; round += 1) {
      const refused = await client.request("GET /", { headers: { a: "a".repeat(33_000), b: "b".repeat(33_000) } });
      expect([refused.status, refused.text]).toEqual([431, expect.stringContaining("HEADERS_TOO_LARGE")]);
    }
    expect((await client.request("GET /")).text).toBe("2.0");
    client.close();
  });

  test("a session has so many streams at once and no more", async () => {
    const client = await openHttp2(`http://127.0.0.1:${await start(patient)}`);
    await expect.poll(() => client.session.remoteSettings?.maxConcurrentStreams).toBe(250);
    client.close();
  });

  const flood = (one: (index: number) => Buffer) =>
    Buffer.concat(Array.from({ length: 20_000 }, (_, index) => one(index)));
  const openThenReset = (index: number) => {
    const stream = 2 * index + 1;
    return Buffer.concat([frame(1, 5, stream, headersOfGet), frame(3, 0, stream, Buffer.from([0, 0, 0, 8]))]);
  };
  test.each([
    ["resets", flood(openThenReset)],
    ["settings", flood(() => settings)],
    ["pings", flood(() => frame(6, 0, 0, Buffer.alloc(8)))],
    [
      "parts of headers",
      Buffer.concat([frame(1, 0, 1, headersOfGet), flood(() => frame(9, 0, 1, Buffer.from([0x00, 1, 97, 1, 98])))]),
    ],
    ["streams beyond the limit", flood((index) => frame(1, 5, 2 * index + 1, headersOfGet))],
  ])("a session that floods with %s is ended", async (_what, bytes) => {
    const port = await start(patient);
    const socket = connect(port, "127.0.0.1");
    socket.pause(); // nor does it read what it is answered
    socket.on("error", () => undefined);
    socket.write(Buffer.concat([preface, settings, bytes]));
    await new Promise((resolve) => {
      const look = setInterval(() => {
        // A byte that is sent to a connection that is gone says that it is.
        socket.write(frame(6, 0, 0, Buffer.alloc(8)));
      }, 100);
      socket.once("close", () => {
        clearInterval(look);
        resolve(undefined);
      });
    });
    const client = await openHttp2(`http://127.0.0.1:${port}`);
    expect((await client.request("GET /")).text).toBe("2.0");
    client.close();
  });
});

test("garbage is answered as HTTP/1 is, whatever it begins with", async () => {
  const port = await start(patient);
  for (const bytes of ["PRI * HTTP/1.1\r\n\r\n", "\0\0\0", "PR"]) {
    const socket = connect(port, "127.0.0.1");
    socket.end(bytes);
    await untilClosed(socket);
  }
  const socket = connect(port, "127.0.0.1");
  socket.write("PROPFIND / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  expect(String(await untilClosed(socket))).toMatch(/^HTTP\/1.1 200 OK[\s\S]*1\.1/);
});

test("the first bytes may come one at a time", async () => {
  const port = await start(patient);
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  for (const byte of preface) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write(settings);
  const [first] = (await once(socket, "data")) as [Buffer];
  expect(first[3]).toBe(4); // a frame of settings
  socket.destroy();
});

test("a stop lets the streams of a session end, and takes no new ones", async () => {
  const port = await start(patient);
  const client = await openHttp2(`http://127.0.0.1:${port}`);
  const running = client.open("POST /");
  const answer = once(running, "response");
  running.write("a");
  await expect.poll(() => client.session.remoteSettings?.maxConcurrentStreams).toBe(250);
  await client.request("GET /");
  const goaway = once(client.session, "goaway");
  const closed = new Promise((resolve) => listener?.server.close(resolve));
  listener?.drain();
  await goaway;
  running.end();
  expect((await answer)[0][":status"]).toBe(200);
  running.resume();
  await closed;
});
