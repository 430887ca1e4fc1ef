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
 * Returns the etag of `If-Match`, with or without the digest in the tag; undefined for `*`. Throws ApiError ETAG_MISMATCH for
 * weak tags, which never match, and MESSAGE_MALFORMED for malformed or several tags.
 */
export function readIfMatch(header: string): string | undefined {
  if (header.trim() === "*") return undefined;
  const tags = readTags(header);
  const strong = tags.filter(({ weak }) => !weak).map(({ text }) => text.split(".", 1)[0] ?? "");
  if (strong.length > 1) throw malformed("send the entity tag of the state that you have seen, and no second one");
  const [etag] = strong;
  if (etag === undefined || etag === "")
    throw new ApiError(ErrorReason.ETAG_MISMATCH, "If-Match: a weak or empty entity tag matches nothing");
  return etag;
}

/** Returns whether `If-None-Match` has the tag of the response, by weak comparison. Throws ApiError MESSAGE_MALFORMED. */
export function isKnownTo(header: string, tag: string): boolean {
  return header.trim() === "*" || readTags(header).some(({ text }) => `"${text}"` === tag);
}

function readTags(header: string): { weak: boolean; text: string }[] {
  return header.split(",").map((part) => {
    const [, weak, text] = /^\s*(W\/)?"([\x21\x23-\x7e]{0,128})"\s*$/.exec(part) ?? [];
    if (text === undefined) throw malformed('must be * or an entity tag in quotes, such as "r12"');
    return { weak: weak !== undefined, text };
  });
}

function malformed(description: string): ApiError {
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, `If-Match or If-None-Match: ${description}`);
}
