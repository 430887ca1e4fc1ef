import { brotliCompressSync, gzipSync } from "node:zlib";
import type { JsonValue } from "@bufbuild/protobuf";
import type { Random } from "../../support/random.ts";
import type { SampleRequest } from "./sample-requests.ts";

/** A request as it goes over the wire. */
export interface BrokenRequest {
  readonly method: string;
  /** With the query, as it is. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

const long = "y".repeat(20_000);
const deep = JSON.parse(`${"[".repeat(60)}1${"]".repeat(60)}`) as JsonValue;
const values: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  9007199254740994,
  -2147483649,
  "",
  " ",
  "\u0000",
  "\ud800",
  "💥",
  "ﷺ",
  "'; drop table connection; --",
  "../../etc/passwd",
  "<script>alert(1)</script>",
  "%s%n",
  "NaN",
  "Infinity",
  "-0",
  "99999999999999999999",
  "2026-13-45T99:99:99Z",
  long,
  [],
  {},
  [[]],
  [null],
  { a: { b: {} } },
  deep,
  { __proto__x: 1 },
  ["a", 1, {}],
];
const verbs = [
  "GET",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
  "QUERY",
  "PURGE",
  "M-SEARCH",
];
const pieces = [
  "",
  ".",
  "..",
  "%2e%2e",
  "%2F",
  "%00",
  "%ff",
  "%zz",
  "%",
  "a:b",
  ":undelete",
  ":x",
  "*",
  "💥",
  long.slice(0, 3000),
  "v1",
  "api",
  "test",
  "{id}",
  ";x=1",
  "cp_x",
  "~",
  "+",
];
const names = [
  "id",
  "name",
  "page_size",
  "pageRowCount",
  "page_token",
  "filter",
  "order_by",
  "userId",
  "user_id_1",
  "etag",
  "allow_missing",
  "nope",
  "__proto__",
  "config.kafka.bootstrap_servers",
  "labels[a]",
  "labels.b",
  "a.b.c",
  "",
  "[",
  "constructor",
  "afterRevision",
];
const headers: readonly [string, readonly string[]][] = [
  [
    "content-type",
    [
      "application/json",
      "application/json;charset=utf-8",
      "text/plain",
      "application/xml",
      "",
      ";;;",
      "application/json; charset=utf-16",
      "multipart/form-data; boundary=x",
    ],
  ],
  ["content-encoding", ["gzip", "br", "deflate", "identity", "lzma", "gzip, br", ""]],
  ["accept", ["application/json", "text/event-stream", "application/x-ndjson", "*/*", "", ";q=x", "image/png"]],
  ["accept-encoding", ["gzip", "br", "*", "identity;q=0", "", "zstd;q=1,gzip;q=0.5", ";;"]],
  ["if-match", ['"r1"', "*", 'W/"r1"', "", '"', '"a","b"', "r1", '"\u00e9"']],
  ["if-none-match", ['"r1"', "*", "", "x", '"r1.abc"']],
  ["idempotency-key", ["k", "", '"q"', long.slice(0, 300), "0190a6c0-0000-7000-8000-000000000001", "\u00e9"]],
  ["last-event-id", ["0", "1", "end", "x", "-1", "9999999999999999999999", ""]],
  ["x-request-id", ["r-1", "<b>", long.slice(0, 100), ""]],
  ["traceparent", ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x", "00-0-0-00"]],
  ["connect-timeout-ms", ["5000", "x", "-1", "99999999999"]],
  ["authorization", ["Bearer", "Basic YTpi", "Bearer x.y.z", ""]],
  ["origin", ["https://evil.example", "null"]],
  ["expect", ["100-continue"]],
  ["accept-version", ["1.x"]],
  ["range", ["bytes=0-1"]],
  ["x-http-method-override", ["DELETE"]],
];

/** Breaks a request in up to three places. */
export function breakRequest(
  random: Random,
  { method, path, query, body }: SampleRequest,
  own: Record<string, string>,
): BrokenRequest {
  let verb = method;
  let at = random.onceIn(4) ? `/api${path}` : path;
  const parameters = [...query];
  let json = body;
  let text: Buffer | undefined;
  const sent: Record<string, string> = { "content-type": "application/json", ...own };
  for (let times = random.pick([0, 1, 1, 1, 2, 3]); times > 0; times -= 1) {
    const what = random.below(12);
    if (what === 0) verb = random.pick(verbs);
    if (what === 1) at = breakPath(random, at);
    if (what === 2) parameters.push([random.pick(names), random.pick(values.map(String))]);
    if (what === 3 || what === 4) {
      const [name, choices] = random.pick(headers);
      sent[name] = random.pick(choices);
    }
    if (what >= 5 && what <= 9) json = breakJson(random, json ?? {});
    if (what === 10) text = breakText(random, Buffer.from(JSON.stringify(json ?? {})));
  }
  const bytes = text ?? (json === undefined ? undefined : Buffer.from(JSON.stringify(json)));
  const packed = bytes === undefined || random.onceIn(3) ? bytes : pack(sent["content-encoding"], bytes);
  const search = parameters.map(([name, value]) => `${encode(random, name)}=${encode(random, value)}`).join("&");
  return { method: verb, url: wire(search === "" ? at : `${at}?${search}`), headers: sent, body: packed };
}

/** What a request line can hold at all, and what the server's limit of headers leaves room for. */
function wire(url: string): string {
  return encodeURI(url.toWellFormed()).replaceAll("%25", "%").slice(0, 12_000);
}

function encode(random: Random, value: string): string {
  return random.onceIn(10) ? value : encodeURIComponent(value.toWellFormed());
}

function pack(encoding: string | undefined, bytes: Buffer): Buffer {
  if (encoding === "gzip") return gzipSync(bytes);
  return encoding === "br" ? brotliCompressSync(bytes) : bytes;
}

function breakPath(random: Random, path: string): string {
  const segments = path.split("/");
  const index = 1 + random.below(segments.length - 1);
  if (random.onceIn(3)) segments.splice(index, 0, random.pick(pieces));
  else if (random.onceIn(2)) segments[index] = random.pick(pieces);
  else segments[index] += random.pick(pieces);
  return segments.join("/");
}

/** Puts something else somewhere in it: another value, another key, one less. */
function breakJson(random: Random, json: JsonValue): JsonValue {
  if (random.onceIn(6)) return random.pick(values);
  if (Array.isArray(json) && json.length > 0) {
    const index = random.below(json.length);
    return json.map((item, at) => (at === index ? breakJson(random, item) : item));
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return random.pick(values);
  const keys = Object.keys(json);
  const key = random.pick([...keys, ...names]);
  const rest = Object.entries(json).filter(([name]) => name !== key);
  if (random.onceIn(5)) return Object.fromEntries(rest);
  if (random.onceIn(5)) return Object.fromEntries([...rest, [random.pick(names), json[key] ?? 1]]);
  return Object.fromEntries([...rest, [key, breakJson(random, json[key] ?? random.pick(values))]]);
}

function breakText(random: Random, text: Buffer): Buffer {
  const at = random.below(text.length);
  const noise = Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)));
  if (random.onceIn(3)) return text.subarray(0, at);
  if (random.onceIn(3)) return Buffer.concat([text.subarray(0, at), noise, text.subarray(at)]);
  if (random.onceIn(2)) return Buffer.concat([text, text]);
  return Buffer.from(text.toString().replace("{", `{"${random.pick(names)}":1,"${random.pick(names)}":2,`));
}
