import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, test } from "vitest";
import { Health } from "../../../gen/health/v1/health_pb.js";
import { sniffProtocol } from "../../../src/server/listener/sniff-protocol.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Opens a connection that says nothing. */
async function openSilent(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** Everything that the other side sends until it closes. */
async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  if (!socket.closed) await once(socket, "close");
  return text;
}

describe("the gRPC port", () => {
  const certificates = join(import.meta.dirname, "../../support/certificates");
  const tls = {
    TLS_CERT_FILE: join(certificates, "server.pem"),
    TLS_KEY_FILE: join(certificates, "server-key.pem"),
  };
  let app: TestApp | undefined;
  afterEach(async () => {
    await app?.stop();
    app = undefined;
  });

  test("closes connections beyond the limits, and serves those within", async () => {
    app = await startTestApp({ MAX_CONNECTIONS_PER_ADDRESS: "3" });
    const port = app.app.grpcPort;
    const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` }));
    await health.check({});
    await openSilent(port);
    await openSilent(port);
    expect(await readAll(await openSilent(port))).toBe("");
    expect(await health.check({})).toBeDefined();
  });

  test("closes connections beyond the limits under TLS as well", async () => {
    app = await startTestApp({ ...tls, MAX_CONNECTIONS_PER_ADDRESS: "1" });
    const ca = await readFile(join(certificates, "authority.pem"));
    const baseUrl = `https://${app.grpcAddress}`;
    const health = createClient(Health, createGrpcTransport({ baseUrl, nodeOptions: { ca } }));
    await health.check({});
    expect(await readAll(await openSilent(app.app.grpcPort))).toBe("");
    expect(await health.check({})).toBeDefined();
  });

  const request =
    "POST /connectory.v1.ConnectionService/GetConnection HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}";

  test("tells who speaks HTTP/1.1 where that is served", async () => {
    app = await startTestApp();
    const socket = await openSilent(app.app.grpcPort);
    socket.write(request);
    const answer = await readAll(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 505 /);
    expect(answer).toMatch(/This port speaks gRPC, over HTTP\/2 alone\..*HTTP_ADDR/);
  });

  test("tells it under TLS too", async () => {
    app = await startTestApp(tls);
    const ca = await readFile(join(certificates, "authority.pem"));
    for (const options of [{ ALPNProtocols: ["http/1.1"] }, {}]) {
      const socket = connectTls({ port: app.app.grpcPort, host: "127.0.0.1", ca, ...options });
      sockets.push(socket);
      socket.on("error", () => undefined);
      await once(socket, "secureConnect");
      socket.write(request);
      expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 505 .*This port speaks gRPC/s);
    }
  });

  test("closes what is neither", async () => {
    app = await startTestApp();
    const socket = await openSilent(app.app.grpcPort);
    socket.write(Buffer.from("160301020001", "hex"));
    expect(await readAll(socket)).toBe("");
  });
});

describe("the first bytes of a connection", () => {
  async function sniffing(timeoutMs: number) {
    const passed: Socket[] = [];
    const server = createServer((socket) =>
      sniffProtocol(socket, timeoutMs, { http1: (other) => other.destroy(), http2: (http2) => passed.push(http2) }),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = await openSilent((server.address() as AddressInfo).port);
    return { passed, socket, close: () => server.close() };
  }

  test("may come in pieces, and are all still there for HTTP/2", async () => {
    const { passed, socket, close } = await sniffing(60_000);
    socket.setNoDelay();
    for (const piece of ["PRI * HT", "TP/2.0\r\n", "\r\nSM\r\n\r\nmore"]) {
      expect(passed).toHaveLength(0);
      await new Promise((resolve) => socket.write(piece, resolve));
    }
    await expect.poll(() => passed).toHaveLength(1);
    expect(String(passed[0]?.read())).toBe("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore");
    passed[0]?.destroy();
    close();
  });

  test("must come: a connection that says nothing, or only half, is closed", async () => {
    const { passed, socket, close } = await sniffing(50);
    socket.write("PRI * HT");
    expect(await readAll(socket)).toBe("");
    expect(passed).toHaveLength(0);
    close();
  });
});
