import { createServer as createHttp, type Server } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unreachableBrokers } from "../../src/startup-checks/unreachable-brokers.ts";
import { unreadableIssuerKeys } from "../../src/startup-checks/unreadable-issuer-keys.ts";

const listening = async <T extends { once(event: "listening", then: () => void): unknown }>(server: T) => {
  await new Promise<void>((resolve) => server.once("listening", resolve));
  return server;
};

describe("unreachableBrokers", () => {
  test("names the brokers that cannot be reached, and what follows", async () => {
    const server = await listening(createServer((socket) => socket.resume()).listen(0, "127.0.0.1"));
    const good = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await unreachableBrokers([good, good])).toBeUndefined();
    const some = await unreachableBrokers([good, "127.0.0.1:1", good]);
    expect(some).toContain(
      "cannot be reached: 127.0.0.1:1 (nothing listens there); events are published by way of the others",
    );
    expect(some).not.toContain(good);
    expect(await unreachableBrokers(["127.0.0.1:1"])).toContain("events wait in the log until one can be reached");
    server.close();
  });
});

describe("unreadableIssuerKeys", () => {
  let server: Server;
  let origin = "";
  beforeAll(async () => {
    server = await listening(
      createHttp(({ url = "" }, response) => {
        const answers: Record<string, [status: number, body: string]> = {
          "/keys": [200, '{"keys":[{"kty":"EC"}]}'],
          "/none": [200, '{"keys":[]}'],
          "/page": [200, "<html>"],
          "/moved": [302, ""],
        };
        const [status, body] = answers[url.replace(/\?.*/, "")] ?? [404, ""];
        response.writeHead(status, { location: "/keys" }).end(body);
      }).listen(0, "127.0.0.1"),
    );
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  test.each([
    ["/keys", undefined],
    ["/none", "the set of keys is empty"],
    ["/page", "the answer is no JSON Web Key Set: take the jwks_uri"],
    ["/moved", "it answers with status 302"],
    ["/gone?token=hidden", "it answers with status 404"],
  ])("%s", async (path, said) => {
    const found = await unreadableIssuerKeys(new URL(path, origin));
    if (said === undefined) expect(found).toBeUndefined();
    else {
      expect(found).toContain(
        `AUTH_JWKS_URL: the keys of the issuer cannot be read from ${origin}${path.replace(/\?.*/, "")}: ${said}`,
      );
      expect(found).not.toContain("hidden");
    }
  });

  test("an issuer that is away", async () => {
    expect(await unreadableIssuerKeys(new URL("http://127.0.0.1:1/keys"))).toMatch(
      /keys: .+; until they can, no token/,
    );
  });
});
