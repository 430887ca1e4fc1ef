import { Metadata } from "@grpc/grpc-js";

const known = new WeakMap<Metadata, Headers>();

/** Converts the metadata of a call to headers, once for each metadata object. Binary values are base64, as in Connect. */
export function headersOf(metadata: Metadata): Headers {
  let headers = known.get(metadata);
  if (headers !== undefined) return headers;
  headers = new Headers();
  for (const [name, values] of Object.entries(metadata.toHttp2Headers()))
    for (const value of Array.isArray(values) ? values : [values]) headers.append(name, String(value));
  known.set(metadata, headers);
  return headers;
}

/** Converts headers to metadata; values of `-bin` headers are decoded from base64. */
export function toMetadata(...all: readonly Headers[]): Metadata {
  const metadata = new Metadata();
  for (const headers of all)
    for (const [name, value] of headers)
      if (name.endsWith("-bin"))
        for (const part of value.split(",")) metadata.add(name, Buffer.from(part.trim(), "base64"));
      else metadata.add(name, value);
  return metadata;
}
