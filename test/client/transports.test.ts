import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createConnectoryClient as createBrowserClient } from "../../src/client/browser/index.ts";
import { type ConnectoryClientOptions, createConnectoryClient } from "../../src/client/node/index.ts";
import { validateBaseUrl } from "../../src/client/validate-base-url.ts";
import { startTestApp, type TestApp } from "../support/app.ts";

const folder = join(import.meta.dirname, "../support/certificates");
const path = (name: string) => join(folder, `${name}.pem`);
const pem = (name: string) => readFile(path(name), "utf8");

describe.each(["grpc", "connect", "grpc-web"] as const)("TLS over %s", (transport) => {
  let app: TestApp;
  beforeAll(async () => {
    const tls = { TLS_CERT_FILE: path("server"), TLS_KEY_FILE: path("server-key") };
    app = await startTestApp({ ...tls, TLS_CLIENT_CA_FILE: path("authority") });
  });
  afterAll(() => app.stop());

  const call = async (tls?: ConnectoryClientOptions["tls"]) => {
    const host = transport === "grpc" ? app.grpcAddress : new URL(app.httpUrl).host;
    const options = { baseUrl: `https://${host}`, transport, token: await app.token(), ...(tls && { tls }) };
    return createConnectoryClient(options).connectionProfiles.listConnectors({}, { timeoutMs: 60_000 });
  };

  test("takes an authority and a certificate of one's own", async () => {
    const own = { ca: await pem("authority"), cert: await pem("client"), key: await pem("client-key") };
    expect((await call(own)).connectors.length).toBeGreaterThan(0);
  });

  test("does not talk to a server whose authority it does not know, and does not try again", async () => {
    const error = ConnectError.from(await call().catch((thrown: unknown) => thrown));
    expect(error.rawMessage).toMatch(/certificate/);
    expect(error.code).toBe(Code.Internal);
  });
});

describe("the client for browsers", () => {
  const options = { baseUrl: "http://127.0.0.1:8080", token: "any" } as const;
  afterEach(() => vi.unstubAllGlobals());

  test("refuses what a browser cannot do", () => {
    const grpc = () => createBrowserClient({ ...options, transport: "grpc" });
    expect(grpc).toThrow('a browser cannot speak gRPC: use transport "connect" or "grpc-web" with the HTTP port');
    expect(() => createBrowserClient({ ...options, tls: {} })).toThrow("tls has no effect in a browser");
    const odd = "soap" as unknown as "connect";
    expect(() => createBrowserClient({ ...options, transport: odd })).toThrow('there is no transport "soap"');
  });

  test("takes an address that is relative to the page", () => {
    vi.stubGlobal("location", { href: "https://app.example.com/some/page?x#y" });
    expect(validateBaseUrl("/")).toBe("https://app.example.com/");
    expect(validateBaseUrl("/connectory")).toBe("https://app.example.com/connectory");
    expect(() => validateBaseUrl("ftp://elsewhere")).toThrow(TypeError);
  });

  test("calls over fetch", async () => {
    const app = await startTestApp();
    for (const transport of [undefined, "connect", "grpc-web"] as const) {
      const token = await app.token();
      const client = createBrowserClient({ baseUrl: app.httpUrl, token, ...(transport && { transport }) });
      expect((await client.connectionProfiles.listConnectors({})).connectors.length).toBeGreaterThan(0);
    }
    await app.stop();
    const client = createBrowserClient({ baseUrl: app.httpUrl, token: "any", retry: false });
    const error = ConnectError.from(await client.connectionProfiles.listConnectors({}).catch((thrown) => thrown));
    expect(error.code).toBe(Code.Unavailable);
  });
});
