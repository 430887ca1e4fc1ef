import { afterEach, expect, test } from "vitest";
import { type LocalServer, startLocalServer } from "../local-server.ts";
import { failure, tryConnector } from "../run-probe.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

test.each([
  ["426 Upgrade Required", "sec-websocket-version: 8, 7\r\n", "VERSION_UNSUPPORTED"],
  ["400 Bad Request", "sec-websocket-version: 8\r\n", "VERSION_UNSUPPORTED"],
  ["400 Bad Request", "sec-websocket-version: 13\r\n", "NOT_A_WEBSOCKET_ENDPOINT"],
  ["401 Unauthorized", "sec-websocket-version: 13, 8\r\n", "PASSWORD_MISSING"],
  ["426 Upgrade Required", "upgrade: h2c\r\n", "NOT_A_WEBSOCKET_ENDPOINT"],
])("a server that answers %s with %j is %s", async (status, header, code) => {
  const answer = `HTTP/1.1 ${status}\r\n${header}content-length: 0\r\n\r\n`;
  const server = await startLocalServer((socket) => void socket.once("data", () => socket.end(answer)));
  servers.push(server);
  const outcome = await tryConnector("websocket", { url: `ws://${server.endpoint}/` });
  expect(failure(outcome)).toMatchObject({ code });
});
