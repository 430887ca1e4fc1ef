import { createHash } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../errors/api-error.ts";

/**
 * Returns the entity tag of a resource with an `etag` field: the field, a dot, and a digest of the response; undefined without
 * the field. The field changes with every write, which `If-Match` needs; the response can also change without a write, by a
 * profile's last test for example, and caches must notice that.
 */
export function resourceEtag(resource: JsonObject | undefined): string | undefined {
  const etag = resource?.etag;
  if (typeof etag !== "string" || etag === "") return undefined;
  const digest = createHash("sha256").update(JSON.stringify(resource)).digest("base64url").slice(0, 11);
  return `"${etag}.${digest}"`;
}

/**
 * Returns the etag of `If-Match`, with or without the digest in the tag; undefined for `*`. A weak tag counts like a strong one, unless
 * there is a strong one beside it: proxies that compress responses make tags weak, and the etag in it still names one state of the resource. Throws ApiError
 * ETAG_MISMATCH for an empty tag, and MESSAGE_MALFORMED for malformed or several tags.
 */
export function readIfMatch(header: string): string | undefined {
  if (header.trim() === "*") return undefined;
  const all = readTags(header);
  const strong = all.filter(({ weak }) => !weak);
  const tags = (strong.length > 0 ? strong : all).map(({ text }) => text.split(".", 1)[0] ?? "");
  if (tags.length > 1) throw malformed("send the entity tag of the state that you have seen, and no second one");
  const [etag] = tags;
  if (etag === undefined || etag === "")
    throw new ApiError(ErrorReason.ETAG_MISMATCH, "If-Match: an empty entity tag matches nothing");
  return etag;
}

/** Returns whether `If-None-Match` has the tag of the response, by weak comparison. Throws ApiError MESSAGE_MALFORMED. */
export function isKnownTo(header: string, tag: string): boolean {
  return header.trim() === "*" || readTags(header).some(({ text }) => `"${text}"` === tag);
}

/**
 * Checks `If-None-Match` of a write. Throws ApiError ETAG_MISMATCH for `*`, which lets only a resource that does not exist be
 * written (RFC 9110, 13.1.2), and MESSAGE_MALFORMED for tags, which no write compares: an ignored condition would be worse.
 */
export function checkNoneMatch(header: string): void {
  if (header.trim() !== "*") throw malformed("a write compares with If-Match: send the tag there");
  throw new ApiError(ErrorReason.ETAG_MISMATCH, "If-None-Match: * forbids this write: leave the header out");
}

/** Returns a list of tags, their opaque texts without the suffix that some proxies add when they compress a response. */
function readTags(header: string): { weak: boolean; text: string }[] {
  return header.split(",").map((part) => {
    const [, weak, text] = /^\s*(W\/)?"([\x21\x23-\x7e]{0,128})"\s*$/.exec(part) ?? [];
    if (text === undefined) throw malformed('must be * or an entity tag in quotes, such as "r12"');
    return { weak: weak !== undefined, text: text.replace(/[-;](gzip|br|deflate|zstd)$/, "") };
  });
}

function malformed(description: string): ApiError {
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, `If-Match or If-None-Match: ${description}`);
}
