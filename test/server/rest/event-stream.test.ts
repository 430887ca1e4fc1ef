import { create, type Message } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import { chooseFormat, streamEvents } from "../../../src/server/rest/response/event-stream.ts";
import { countingService } from "./counting-service.ts";

const output = countingService(RestStyle.FLAT).methods[0]?.output;

test.each([
  ["text/event-stream", ":\n\n"],
  ["application/x-ndjson", '{"event":"heartbeat"}\n'],
])("%s: a silent stream shows that it lives", async (accept, heartbeat) => {
  if (output === undefined) throw new Error("the service has no method");
  const seenTwice = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<Message> {
    await seenTwice.promise;
    yield create(output as never, { number: 1 } as never) as Message;
  }
  const messages = slow();
  const source = {
    output,
    names: "proto" as const,
    messages,
    first: messages.next(),
    signal: new AbortController().signal,
    toProblem: () => undefined,
  };
  const parts: string[] = [];
  for await (const part of streamEvents(chooseFormat(accept), source, 50)) {
    parts.push(part);
    if (parts.length === 3) seenTwice.resolve();
  }
  // After what the format begins with.
  expect(parts.slice(1, 3)).toEqual([heartbeat, heartbeat]);
  expect(parts.at(-1)).toContain("done");
});
