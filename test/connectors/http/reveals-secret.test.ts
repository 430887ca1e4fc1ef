import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HttpConfigSchema } from "../../../gen/connectory/v1/http_config_pb.js";
import { revealsSecret } from "../../../src/connectors/http/reveals-secret.ts";
import { canary } from "../../support/canary.ts";
import { type LocalServer, startLocalServer } from "../local-server.ts";
import { tryConnector } from "../run-connector-test.ts";

const key = canary("key with blanks/and+signs");

test.each([
  [`/echo/${key}`, true],
  [`/echo/${encodeURIComponent(key)}`, true],
  [`/echo/${encodeURI(key)}`, true],
  [Buffer.from(key).toString("base64"), true],
  [Buffer.from(key).toString("base64url"), true],
  ["application/json", false],
])("in %j there is a secret: %s", (text, reveals) => {
  expect(revealsSecret(create(HttpConfigSchema, { headers: { "x-key": key } }), text)).toBe(reveals);
  const basic = { case: "basic" as const, value: { username: "ann", password: key } };
  expect(revealsSecret(create(HttpConfigSchema, { authentication: basic }), text)).toBe(reveals);
});

test("a server that sends a secret back does not get it into the report", async () => {
  const secret = canary("reflected");
  const server: LocalServer = await startLocalServer((socket) =>
    socket.on("data", (chunk: Buffer) => {
      const [, sent = ""] = /x-key: (\S+)/i.exec(chunk.toString()) ?? [];
      socket.write(`HTTP/1.1 200 OK\r\nserver: ${sent}\r\ncontent-type: text/${sent}\r\ncontent-length: 0\r\n\r\n`);
    }),
  );
  const outcome = await tryConnector("http", { url: `http://127.0.0.1:${server.port}/`, headers: { "x-key": secret } });
  await server.close();
  expect(outcome.error).toBe(false);
  expect(JSON.stringify(outcome.report.facts)).not.toContain(secret);
});
