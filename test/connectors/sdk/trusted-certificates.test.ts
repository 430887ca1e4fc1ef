import { generateKeyPairSync, getDiffieHellman, type KeyObject } from "node:crypto";
import { createSecureContext, TLSSocket } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { der, integer, issueCertificate, pemBlock } from "../../support/make-certificate.ts";
import { type LocalServer, startLocalServer } from "../local-server.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const text = (key: KeyObject) => String(key.export({ type: "pkcs8", format: "pem" }));
const ec = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength }).privateKey;

/** A root, an intermediate authority and a server, each with its own key. */
function chain({ rootKey = ec(), middleKey = ec(), serverKey = ec(), of = "a test", sha1 = false } = {}) {
  const root = { name: `root of ${of}`, key: rootKey };
  const middle = { name: `middle of ${of}`, key: middleKey };
  return {
    root: issueCertificate({ ...root, authority: true }),
    middle: issueCertificate({ ...middle, issuer: root, authority: true }),
    server: issueCertificate({ name: "server", key: serverKey, issuer: middle, sha1 }),
    key: text(serverKey),
  };
}

/** An HTTP server in TLS that shows these certificates, whatever the strength of their keys. */
async function serve(cert: string, key: string) {
  const server = await startLocalServer((socket) => {
    const secureContext = createSecureContext({ cert, key, ciphers: "DEFAULT@SECLEVEL=0" });
    const tls = new TLSSocket(socket, { isServer: true, secureContext });
    tls.on("error", () => socket.destroy());
    tls.on("data", () => tls.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
  });
  servers.push(server);
  return { url: `https://localhost:${server.port}/`, host: "localhost", port: server.port };
}

describe("what a configuration trusts", () => {
  const whole = chain();

  test.each([
    ["the root, of a server that sends its chain", whole.server + whole.middle, whole.root],
    ["the intermediate authority, of a server that sends its chain", whole.server + whole.middle, whole.middle],
    ["the intermediate authority, of a server that sends itself alone", whole.server, whole.middle],
    ["the server's own certificate", whole.server, whole.server],
    [
      "the server's own certificate among others",
      whole.server + whole.middle,
      chain({ of: "others" }).root + whole.server,
    ],
  ])("is %s", async (_, cert, ca) => {
    const { url } = await serve(cert, whole.key);
    const outcome = await tryConnector("http", { url, tls: { ca } });
    expect(failure(outcome)).toBeUndefined();
    expect(steps(outcome)).toContain("TLS PASSED OK");
  });

  test("is a server's own certificate that nobody else signed", async () => {
    const key = ec();
    const cert = issueCertificate({ name: "server", key });
    const { url } = await serve(cert, text(key));
    expect(failure(await tryConnector("http", { url, tls: { ca: cert } }))).toBeUndefined();
    expect(failure(await tryConnector("http", { url }))).toMatchObject({ code: "TLS_UNTRUSTED", field: "tls.ca" });
  });

  test.each([
    ["another authority's", chain({ of: "others" }).root],
    ["another authority's of the same name", chain().root],
    ["another server's own", chain({ of: "others" }).server],
  ])("is not %s", async (_, ca) => {
    const { url } = await serve(whole.server + whole.middle, whole.key);
    const failed = failure(await tryConnector("http", { url, tls: { ca } }));
    expect(failed).toMatchObject({ code: "TLS_UNTRUSTED", field: "tls.ca" });
    expect(failed?.hint).not.toContain("sends no other certificate");
  });

  test.each(["http", "redis", "mqtt"] as const)(
    "is the root, and the hint of %s says that the server leaves its chain out",
    async (id) => {
      const { url, port } = await serve(whole.server, whole.key);
      const tls = { ca: whole.root };
      const configs = {
        http: { url, tls },
        redis: { address: `rediss://localhost:${port}`, tls },
        mqtt: { url: `mqtts://localhost:${port}`, tls },
      };
      const failed = failure(await tryConnector(id, configs[id]));
      expect(failed).toMatchObject({ code: "TLS_UNTRUSTED", field: "tls.ca" });
      expect(failed?.hint).toContain("sends no other certificate with it");
    },
  );
});

describe("a key that is too weak is named where it is", () => {
  test.each([
    ["the server", chain({ serverKey: rsa(1024) })],
    ["an intermediate authority", chain({ middleKey: rsa(1024) })],
    ["the root", chain({ rootKey: rsa(1024) })],
    ["the server, whose signature is of SHA-1", chain({ middleKey: rsa(2048), sha1: true })],
  ])("at %s", async (_, { server, middle, root, key }) => {
    const { url } = await serve(server + middle, key);
    const failed = failure(await tryConnector("http", { url, tls: { ca: root } }));
    expect(failed).toMatchObject({ code: "TLS_CERTIFICATE_WEAK", field: "tls" });
    expect(failed?.hint).toContain("2048 bits");
  });

  test("at a server's Diffie-Hellman key", async () => {
    const key = rsa(2048);
    const cert = issueCertificate({ name: "server", key });
    const prime = integer(getDiffieHellman("modp2").getPrime());
    const dhparam = pemBlock("DH PARAMETERS", der(0x30, prime, integer(Buffer.from([2]))));
    const ciphers = "DHE-RSA-AES128-GCM-SHA256@SECLEVEL=0";
    const secureContext = createSecureContext({ cert, key: text(key), dhparam, ciphers, maxVersion: "TLSv1.2" });
    const server = await startLocalServer((socket) => {
      new TLSSocket(socket, { isServer: true, secureContext }).on("error", () => socket.destroy());
    });
    servers.push(server);
    const failed = failure(await tryConnector("http", { url: `https://localhost:${server.port}/`, tls: { ca: cert } }));
    expect(failed).toMatchObject({ code: "TLS_CERTIFICATE_WEAK", field: "tls" });
    expect(failed?.hint).toContain("Diffie-Hellman");
  });

  test("and is no fault without verification", async () => {
    const { server, middle, key } = chain({ middleKey: rsa(1024) });
    const { url } = await serve(server + middle, key);
    const outcome = await tryConnector("http", { url, tls: { insecureSkipVerify: true } });
    expect(failure(outcome)).toBeUndefined();
  });
});
