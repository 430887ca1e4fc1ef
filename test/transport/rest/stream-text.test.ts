import { setTimeout as sleep } from "node:timers/promises";
import { create, type Message } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import { chooseFormat, streamText } from "../../../src/transport/rest/stream-text.ts";
import { countingService } from "./counting-service.ts";

const output = countingService(RestStyle.FLAT).methods[0]?.output;

test.each([
  ["text/event-stream", ":\n\n"],
  ["application/x-ndjson", '{"event":"heartbeat"}\n'],
])("%s: a silent stream shows that it lives", async (accept, heartbeat) => {
  if (output === undefined) throw new Error("the service has no method");
  async function* slow(): AsyncGenerator<Message> {
    await sleep(130);
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
  for await (const part of streamText(chooseFormat(accept), source, 50)) parts.push(part);
  expect(parts.filter((part) => part === heartbeat)).toHaveLength(2);
  expect(parts.at(-1)).toContain("done");
});
