import { createHash } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import type { Facade } from "../http.ts";
import { createDocument, type Program } from "./create-document.ts";

/**
 * The OpenAPI document of the REST paths at `/openapi.json`, for everybody. It is made when it is asked for first, which
 * takes 0.1 to 0.2 s, and is the same text from then on.
 */
export function serveOpenapi(services: readonly DescService[], program: Program): Facade {
  let made: { text: string; etag: string } | undefined;
  const make = () => {
    const text = JSON.stringify(createDocument(services, program));
    return { text, etag: `"${createHash("sha256").update(text).digest("base64url")}"` };
  };
  return (scope) => {
    scope.get("/openapi.json", async (request, reply) => {
      made ??= make();
      reply.headers({ etag: made.etag, "cache-control": "no-cache", "x-content-type-options": "nosniff" });
      if (request.headers["if-none-match"] === made.etag) return reply.code(304).send();
      return reply.header("content-type", "application/json; charset=utf-8").send(made.text);
    });
  };
}
