/** A request to `/mcp` as the fuzzer sends it. */
export interface FuzzRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Whole numbers below a limit. */
type Random = (limit: number) => number;

const strange: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  "",
  " ",
  "0",
  "-0",
  "null",
  "\u0000",
  "\ud800",
  "'; drop table connection; --",
  "../../etc/passwd",
  "{{ HOME }}",
  "<script>",
  "x".repeat(5000),
  "9".repeat(400),
  [],
  [[]],
  {},
  { "": "" },
  { $ref: "#" },
  { toString: 1, constructor: { prototype: {} } },
  JSON.parse('{"__proto__":{"isAdmin":true}}'),
  Array.from({ length: 1000 }, (_, index) => index),
  Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, index])),
];

const names = [
  ..."jsonrpc id method params name arguments _meta progressToken cursor requestId config kafka postgres".split(" "),
  ..."pageToken pageSize filter updateMask etag __proto__ io.modelcontextprotocol/protocolVersion".split(" "),
];

const headerNames = [
  ..."accept content-type mcp-protocol-version mcp-method mcp-name mcp-session-id last-event-id x-request-id".split(
    " ",
  ),
  ..."traceparent content-encoding expect origin authorization cookie".split(" "),
];
const headerValues = [
  ...[
    "",
    "*/*",
    "application/json",
    "text/event-stream",
    "application/json; charset=utf-16",
    "2025-11-25",
    "2026-07-28",
  ],
  ...[
    "1999-01-01",
    "tools/call",
    "listConnections",
    "=?base64?!?=",
    "gzip",
    "null",
    "x".repeat(2000),
    "\u00ff",
    "a,b;c=d",
  ],
];

/** A request that is like another and wrong in one to four places; at times it is as it was. */
export function mutateRequest({ headers, body }: FuzzRequest, random: Random, others: readonly string[]): FuzzRequest {
  const pick = <T>(from: readonly T[]) => from[random(from.length)] as T;
  const wrong = (json: unknown) => changed(json, random, () => pick([...strange, ...others]));
  let json = JSON.parse(body);
  for (let changes = random(4); changes >= 0; changes--)
    // Most are wrong in the arguments of a tool, or they would not get as far as that.
    if (random(5) > 0 && typeof json?.params?.arguments === "object")
      json.params.arguments = wrong(json.params.arguments);
    else if (random(3) === 0) json = wrong(json);
  let text = JSON.stringify(json);
  if (random(12) === 0) text = broken(text, random);
  const sent: Record<string, string> = { ...headers };
  if (random(12) === 0) sent[pick(headerNames)] = pick(headerValues);
  if (random(40) === 0) delete sent[pick(Object.keys(sent))];
  return { headers: sent, body: text };
}

/** Something somewhere in it is another value, gone, twice there or under another name. */
function changed(json: unknown, random: Random, other: () => unknown): unknown {
  if (typeof json !== "object" || json === null || random(12) === 0) return other();
  const copy = (Array.isArray(json) ? [...json] : { ...json }) as Record<string, unknown>;
  const keys = Object.keys(copy);
  if (keys.length === 0 || random(10) === 0) {
    put(copy, names[random(names.length)] ?? "", other());
    return copy;
  }
  const key = keys[random(keys.length)] ?? "";
  const action = random(8);
  if (action === 0) delete copy[key];
  else if (action === 1) put(copy, names[random(names.length)] ?? "", copy[key]);
  else if (action === 2) return Array.from({ length: 1 + random(4) }, () => copy);
  else if (action === 3) put(copy, key, { [key]: copy[key] });
  else put(copy, key, changed(copy[key], random, other));
  return copy;
}

/** `__proto__` is a name like any other here. */
function put(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

/** The text with bytes that are gone, doubled or others, or a great deal of brackets. */
function broken(text: string, random: Random): string {
  const at = random(text.length + 1);
  const length = random(20);
  switch (random(5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
    case 3:
      return text.slice(0, at) + String.fromCharCode(random(300)) + text.slice(at + 1);
    default:
      return text.slice(0, at) + ["[", "{", '{"a":'][random(3)]?.repeat(1 + random(20_000)) + text.slice(at);
  }
}
