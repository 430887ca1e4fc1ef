import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";

const folder = join(import.meta.dirname, "../support/certificates");
const file = (name: string) => join(folder, `${name}.pem`);
const [ca, cert, key] = await Promise.all(
  [file("authority"), file("server"), file("server-key")].map((path) => readFile(path)),
);
const outsider = { cert: await readFile(file("expired")), key: await readFile(file("expired-key")) };

const tls = { TLS_CERT_FILE: file("server"), TLS_KEY_FILE: file("server-key") };

/** The same call over both protocols, with whatever the client shows and trusts. */
function callers(app: TestApp, token: string, nodeOptions: object) {
  const bearer: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const call = (transport: Transport) => createClient(ConnectionService, transport).listConnections({ userId: "a" });
  const https = app.httpUrl.replace("http:", "https:");
  return {
    grpc: () =>
      call(createGrpcTransport({ baseUrl: `https://${app.grpcAddress}`, nodeOptions, interceptors: [bearer] })),
    http: () =>
      call(createConnectTransport({ baseUrl: https, httpVersion: "1.1", nodeOptions, interceptors: [bearer] })),
  };
}

describe.each(["grpc", "http"] as const)("over %s", (protocol) => {
  let once: TestApp;
  let mutual: TestApp;
  beforeAll(async () => {
    once = await startTestApp(tls);
    mutual = await startTestApp({ ...tls, TLS_CLIENT_CA_FILE: file("authority") });
  });
  afterAll(() => Promise.all([once.stop(), mutual.stop()]));

  test("TLS serves whoever trusts the certificate, and nobody in clear", async () => {
    const token = await once.token();
    expect((await callers(once, token, { ca })[protocol]()).connections).toEqual([]);
    await expect(callers(once, token, {})[protocol]()).rejects.toThrow(/certificate/);
    await expect(fetch(once.httpUrl)).rejects.toThrow();
  });

  test("mutual TLS serves only clients with a good certificate of their own", async () => {
    const token = await mutual.token();
    expect((await callers(mutual, token, { ca, cert, key })[protocol]()).connections).toEqual([]);
    await expect(callers(mutual, token, { ca })[protocol]()).rejects.toThrow();
    await expect(callers(mutual, token, { ca, ...outsider })[protocol]()).rejects.toThrow();
  });
});
