import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../errors/api-error.ts";

/** Creates and verifies page tokens. They are signed, not secret: they contain nothing that the previous page did not show. */
export interface PageTokens {
  /** Returns a token. `scope` identifies the request (RPC, organization, filter) that the token continues. */
  seal(scope: string, cursor: JsonObject): string;
  /** Returns the cursor. Throws ApiError PAGE_TOKEN_INVALID for a token of another service or scope. */
  open(scope: string, token: string): JsonObject;
}

const signatureBytes = 16;

/**
 * Returns the page tokens of a key (HMAC-SHA-256, 16 bytes). `secret` is shared by all servers of a database; the signing key
 * is derived from it.
 */
export function createPageTokens(secret: Uint8Array): PageTokens {
  const key = new Uint8Array(hkdfSync("sha256", secret, "", "connectory page tokens", 32));
  const sign = (scope: string, body: Buffer) =>
    createHmac("sha256", key).update(`${scope.length}:${scope}`).update(body).digest().subarray(0, signatureBytes);
  return {
    seal: (scope, cursor) => {
      const body = Buffer.from(JSON.stringify(cursor));
      return Buffer.concat([sign(scope, body), body]).toString("base64url");
    },
    open: (scope, token) => {
      const bytes = Buffer.from(token, "base64url");
      const signature = bytes.subarray(0, signatureBytes);
      const body = bytes.subarray(signatureBytes);
      if (signature.length < signatureBytes || !timingSafeEqual(signature, sign(scope, body))) throw invalid();
      return JSON.parse(body.toString()) as JsonObject;
    },
  };
}

function invalid(): ApiError {
  return new ApiError(
    ErrorReason.PAGE_TOKEN_INVALID,
    "page_token: not a token of this list: send the one that came with the page before, with the same other fields",
    { fieldViolations: [{ field: "page_token", description: "not a token of this list" }] },
  );
}
