import { expect, test } from "vitest";
import { principalOf } from "../../src/interceptors/authenticate.ts";
import { ensureRequestId } from "../../src/interceptors/request-id.ts";
import { readTimeoutMs, takeRequestTimeout } from "../../src/server/dispatch/request-timeout.ts";
import { isAllowedOrigin } from "../../src/server/mcp/is-allowed-origin.ts";
import { readQuery } from "../../src/server/rest/request/read-query.ts";
import { readIdempotencyKey } from "../../src/server/rest/request/read-request.ts";
import { isKnownTo, readIfMatch } from "../../src/server/rest/response/etag.ts";
import { chooseFormat } from "../../src/server/rest/response/event-stream.ts";
import { readTraceContext } from "../../src/telemetry/trace-context.ts";

// Far longer than a header can be: a reader whose cost grows by the square of the length would take hours.
const length = 200_000;
const parts = [
  " ",
  "\t ",
  '"',
  '" ',
  '",',
  ",",
  ";",
  "a,",
  "a ",
  "a=",
  "a=1&",
  "%41",
  "%",
  "9",
  ".",
  "-",
  "W/",
  '\\"',
  "[",
  "é",
];
const values = ["", '"', "W/", "Bearer ", "00-", "text/event-stream;q=", "http://"].flatMap((begin) =>
  parts.map((part) => `${begin}${part.repeat(length / part.length)}!`),
);

/** What is thrown is as good as what is answered. */
async function settled(run: () => unknown): Promise<void> {
  await Promise.resolve()
    .then(run)
    .catch((error: unknown) => expect(error).toBeInstanceOf(Error));
}

test.each<[string, (value: string) => unknown]>([
  ["authorization", (value) => principalOf(value, () => Promise.reject(new Error("not looked at")))],
  ["x-request-id", ensureRequestId],
  ["traceparent", (value) => readTraceContext({ get: () => value })],
  [
    "tracestate",
    (value) =>
      readTraceContext({
        get: (name) => (name === "tracestate" ? value : `00-${"a".repeat(32)}-${"b".repeat(16)}-01`),
      }),
  ],
  ["origin", (value) => isAllowedOrigin(value, "localhost", [])],
  ["if-match", readIfMatch],
  ["if-none-match", (value) => isKnownTo(value, '"a"')],
  ["idempotency-key", readIdempotencyKey],
  ["a query", readQuery],
  ["accept", chooseFormat],
  ["connect-timeout-ms", readTimeoutMs],
  ["grpc-timeout", (value) => takeRequestTimeout({ "grpc-timeout": value }, "grpc-timeout")],
])("%s of any text takes time by its length", async (_name, read) => {
  for (const value of values) await settled(() => read(value));
});
