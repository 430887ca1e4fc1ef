import { expect, test } from "vitest";
import { bufferBody } from "../../../src/server/connect/buffered-body.ts";

/** Gives the chunks, then breaks off if it is to. */
async function* source(chunks: readonly string[], broken?: Error): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
  if (broken !== undefined) throw broken;
}

test("what was read is there again for the next reader", async () => {
  const body = bufferBody(source(["ab", "cd"]));
  expect(String(await body.read(10))).toBe("abcd");
  expect(String(Buffer.concat(await Array.fromAsync(body)))).toBe("abcd");
});

test("a body that is too long is read on by the next reader", async () => {
  const body = bufferBody(source(["abc", "de", "f"]));
  expect(await body.read(3)).toBeUndefined();
  expect(String(Buffer.concat(await Array.fromAsync(body)))).toBe("abcdef");
});

test("of a body that broke off the next reader gets nothing that it could decompress, only the error", async () => {
  const left = new Error("the caller left");
  const body = bufferBody(source(["a whole message"], left));
  expect(await body.read(100)).toBeUndefined();
  const given: Uint8Array[] = [];
  const reading = async () => {
    for await (const chunk of body) given.push(chunk);
  };
  await expect(reading()).rejects.toBe(left);
  expect(given).toEqual([]);
});
