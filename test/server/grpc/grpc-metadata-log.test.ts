import { once } from "node:events";
import { connect } from "node:http2";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { canary } from "../../support/canary.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

test("metadata that gRPC cannot read is printed nowhere", async () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const secret = canary("token-in-broken-metadata");
  const session = connect(`http://${app.grpcAddress}`);
  const stream = session.request({
    ":method": "POST",
    ":path": "/connectory.v1.ConnectionService/GetConnection",
    "content-type": "application/grpc",
    te: "trailers",
    authorization: `Bearer ${secret}\xe9`,
  });
  stream.on("error", () => undefined).resume();
  stream.end();
  const [head] = await once(stream, "response");
  session.destroy();
  expect(head["grpc-status"]).toBe("16");
  expect(printed).not.toHaveBeenCalled();
  expect(app.logged.join("\n")).not.toContain(secret);
});
