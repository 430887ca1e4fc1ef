import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { GetConnectionRequestSchema as Get } from "../../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { frameOf } from "../../support/raw-grpc.ts";

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
});
afterAll(() => app.stop());
afterEach(() => void vi.restoreAllMocks());

const id = "4f1d7f7c-4f0e-4a33-9a65-0d6c2b9f7a11";
const message = create(Get, { id });
const binary = toBinary(Get, message);
const json = Buffer.from(toJsonString(Get, message));

async function status(type: string, body: Uint8Array): Promise<number> {
  const response = await fetch(`${app.httpUrl}/connectory.v1.ConnectionService/GetConnection`, {
    method: "POST",
    body: new Uint8Array(body),
    headers: { authorization: `Bearer ${token}`, "content-type": `application/${type}` },
  });
  await response.arrayBuffer();
  return response.status;
}

test.each([
  ["proto", binary, 404],
  ["grpc-web+proto", frameOf(binary), 200],
])("a valid message is decoded once: %s", async (type, body, expected) => {
  const decode = vi.spyOn(TextDecoder.prototype, "decode");
  expect(await status(type, body)).toBe(expected);
  expect(decode.mock.results.filter(({ value }) => value === id)).toHaveLength(1);
});

test.each([
  ["json", json, 404],
  ["grpc-web+json", frameOf(json), 200],
])("valid JSON is parsed once: %s", async (type, body, expected) => {
  const parse = vi.spyOn(JSON, "parse");
  expect(await status(type, body)).toBe(expected);
  expect(parse.mock.calls.filter(([text]) => String(text).includes(id))).toHaveLength(1);
});
