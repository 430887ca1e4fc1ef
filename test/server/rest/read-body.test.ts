import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readBody } from "../../../src/server/rest/request/read-body.ts";

function read(type: string): Promise<string> {
  const request = Object.assign(Readable.from([Buffer.from("{}")]), { headers: { "content-type": type } });
  return readBody(request as unknown as IncomingMessage, 100);
}

describe("a content type", () => {
  test.each([
    "application/json",
    "application/json ; charset=utf-8",
    'application/json;charset="UTF-8"; x=y',
    "application/json;\tcharset=utf-8 ",
  ])("that is taken: %j", async (type) => {
    expect(await read(type)).toBe("{}");
  });

  // Looked through again from each blank on, these would take hours.
  const blanks = " ".repeat(2_000_000);
  test.each([
    ["blanks inside", `application/json; charset=a${blanks}b"c`],
    ["blanks ahead", `application/json;${blanks}charset=${blanks}b"c`],
    ["quotes", `application/json; charset=${'"'.repeat(2_000_000)}c`],
    ["parameters", `application/json${"; ".repeat(1_000_000)}charset=latin1`],
  ])("of millions of characters is refused: %s", async (_name, type) => {
    await expect(read(type)).rejects.toMatchObject({ reason: "CONTENT_TYPE_UNSUPPORTED" });
  });
});
