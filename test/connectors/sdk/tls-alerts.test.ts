import { afterEach, expect, test } from "vitest";
import { type LocalServer, startLocalServer } from "../local-server.ts";
import { failure, tryConnector } from "../run-probe.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

test.each([
  ["handshake_failure", 40],
  ["bad_certificate", 42],
  ["certificate_expired", 45],
  ["certificate_unknown", 46],
  ["unknown_ca", 48],
  ["access_denied", 49],
])("the alert %s is the server's refusal, not an unknown failure", async (_, alert) => {
  const server = await startLocalServer((socket) =>
    socket.once("data", () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert]))),
  );
  servers.push(server);
  const outcome = await tryConnector("http", { url: `https://127.0.0.1:${server.port}/` });
  expect(failure(outcome)).toMatchObject({ code: "TLS_REFUSED", field: "tls.cert" });
});
