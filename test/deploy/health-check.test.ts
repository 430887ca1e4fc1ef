import { spawn } from "node:child_process";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTls } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { certificateFiles, certificateTexts } from "../support/servers/certificates.ts";

const program = join(import.meta.dirname, "../../deploy/health-check.js");
const servers: Pick<Server, "close">[] = [];
afterAll(() => servers.forEach((server) => void server.close()));

function check(environment: Record<string, string>): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program], { env: environment });
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => (text += chunk));
    child.once("close", (code) => resolve({ code, text }));
  });
}

const answer =
  (status: number): RequestListener =>
  ({ url }, response) => {
    response.writeHead(url === "/readyz" ? status : 404).end(JSON.stringify({ message: "the reason" }));
  };

async function listen(server: Server | ReturnType<typeof createTls>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await new Promise<void>((resolve) => server.once("listening", resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

test("ends with 0 while the service is ready, by each way of writing its address", async () => {
  const port = await listen(createServer(answer(200)));
  for (const host of ["127.0.0.1", "0.0.0.0", "localhost"])
    expect(await check({ HTTP_ADDR: `${host}:${port}` })).toEqual({ code: 0, text: "" });
});

test("ends with 1 and the reason while it is not ready, and when nothing listens", async () => {
  const port = await listen(createServer(answer(503)));
  expect(await check({ HTTP_ADDR: `127.0.0.1:${port}` })).toEqual({
    code: 1,
    text: expect.stringContaining("the reason"),
  });
  expect(await check({ HTTP_ADDR: "127.0.0.1:1" })).toMatchObject({
    code: 1,
    text: expect.stringContaining("ECONNREFUSED"),
  });
});

test("ends with 1 when the service accepts the connection and is silent", async () => {
  const port = await listen(createServer(() => undefined));
  expect(await check({ HTTP_ADDR: `127.0.0.1:${port}` })).toMatchObject({
    code: 1,
    text: expect.stringContaining("no answer"),
  });
});

test("looks behind TLS of any name, and at the port alone where clients need a certificate", async () => {
  const port = await listen(createTls(certificateTexts("other-name"), answer(200)));
  const tls = { HTTP_ADDR: `127.0.0.1:${port}`, TLS_CERT_FILE: certificateFiles("other-name").cert };
  expect(await check(tls)).toEqual({ code: 0, text: "" });
  expect(await check({ ...tls, TLS_CLIENT_CA_FILE: "/clients.crt" })).toEqual({ code: 0, text: "" });
  expect((await check({ HTTP_ADDR: tls.HTTP_ADDR })).code).toBe(1);
});
