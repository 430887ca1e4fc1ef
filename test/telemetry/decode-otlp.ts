import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A span as a collector sees it. */
export interface DecodedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of its trace. */
  readonly parentSpanId: string;
  readonly tracestate: string;
  /** 1 internal, 2 server, 3 client, 4 producer. */
  readonly kind: number;
  /** 2 for an error. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Of the resource that it belongs to. */
  readonly service: string;
}

/** The fields of a message by their number, as opentelemetry-proto 1.x has them; a message in a field is bytes here. */
type Fields = ReadonlyMap<number, readonly (Uint8Array | bigint)[]>;

export function decodeSpans(body: Uint8Array, contentType: string): DecodedSpan[] {
  if (contentType === "application/json") return jsonSpans(JSON.parse(Buffer.from(body).toString()));
  return messages(read(body), 1).flatMap((resourceSpans) => {
    const service = String(attributesOf(messages(resourceSpans, 1)[0] ?? new Map(), 1)["service.name"]);
    return messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span) => ({
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        tracestate: text(span, 3),
        parentSpanId: hex(span, 4),
        name: text(span, 5),
        kind: number(span, 6),
        attributes: attributesOf(span, 9),
        links: messages(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
        status: number(messages(span, 15)[0] ?? new Map(), 3),
        service,
      })),
    );
  });
}

export function decodeMetricNames(body: Uint8Array, contentType: string): string[] {
  if (contentType === "application/json")
    return [
      ...Buffer.from(body)
        .toString()
        .matchAll(/"name":"([^"]+)"/g),
    ].map(([, name = ""]) => name);
  return messages(read(body), 1)
    .flatMap((resource) => messages(resource, 2))
    .flatMap((scope) => messages(scope, 2))
    .map((metric) => text(metric, 1));
}

function read(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (Uint8Array | bigint)[]>();
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    const value = readValue(reader, type);
    fields.set(no, [...(fields.get(no) ?? []), value]);
  }
  return fields;
}

function readValue(reader: BinaryReader, type: WireType): Uint8Array | bigint {
  if (type === WireType.LengthDelimited) return reader.bytes();
  if (type === WireType.Varint) return BigInt(reader.uint64());
  if (type === WireType.Bit64) return BigInt(reader.fixed64());
  if (type === WireType.Bit32) return BigInt(reader.fixed32());
  throw new Error(`wire type ${type} is not in OTLP`);
}

const bytesOf = (fields: Fields, no: number) => (fields.get(no) ?? []).filter((value) => typeof value !== "bigint");
const messages = (fields: Fields, no: number) => bytesOf(fields, no).map(read);
const text = (fields: Fields, no: number) => Buffer.from(bytesOf(fields, no)[0] ?? []).toString("utf8");
const hex = (fields: Fields, no: number) => Buffer.from(bytesOf(fields, no)[0] ?? []).toString("hex");
const number = (fields: Fields, no: number) => Number(fields.get(no)?.[0] ?? 0n);

function attributesOf(fields: Fields, no: number): Record<string, string | number> {
  const entries = messages(fields, no).map((pair): [string, string | number] => {
    const value = messages(pair, 2)[0] ?? new Map();
    return [text(pair, 1), value.has(1) ? text(value, 1) : number(value, 3)];
  });
  return Object.fromEntries(entries);
}

interface JsonSpan extends Omit<DecodedSpan, "attributes" | "service" | "status" | "tracestate"> {
  readonly attributes: JsonAttributes;
  readonly status: { readonly code: number };
  readonly traceState?: string;
}
type JsonAttributes = { key: string; value: { stringValue?: string; intValue?: number } }[];
interface JsonRequest {
  readonly resourceSpans: { resource: { attributes: JsonAttributes }; scopeSpans: { spans: JsonSpan[] }[] }[];
}

function jsonSpans({ resourceSpans }: JsonRequest): DecodedSpan[] {
  const plain = (attributes: JsonAttributes) =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? ""]));
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ parentSpanId = "", traceState = "", ...span }) => ({
        ...span,
        parentSpanId,
        tracestate: traceState,
        attributes: plain(span.attributes),
        status: span.status.code,
        service: String(plain(resource.attributes)["service.name"]),
      })),
    ),
  );
}
