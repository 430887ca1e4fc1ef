import { once } from "node:events";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { boundedDuplex } from "../../../src/connectors/sdk/bounded-duplex.ts";
import { ProbeError } from "../../../src/connectors/sdk/connector.ts";

/** Something that is read from and closed like a socket. */
const source = () => new PassThrough() as unknown as Socket & PassThrough;

test("what a library throws while it reads ends the stream, not the process", async () => {
  const socket = source();
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol: () => true, headLength: 1 });
  stream.on("data", () => {
    throw new RangeError("read beyond the end");
  });
  const failed = once(stream, "error");
  socket.write("x");
  expect((await failed)[0]).toMatchObject({ code: "ERR_WRONG_PROTOCOL" });
  expect(stream.destroyed).toBe(true);
});

test("what the judge of the first bytes throws is what the stream fails with", async () => {
  const socket = source();
  const refusal = new ProbeError("AUTH_METHOD_UNSUPPORTED", "by other means");
  const isProtocol = () => {
    throw refusal;
  };
  const stream = boundedDuplex(Promise.resolve(socket), { isProtocol, headLength: 1 });
  const failed = once(stream, "error");
  socket.write("x");
  expect((await failed)[0]).toBe(refusal);
});
