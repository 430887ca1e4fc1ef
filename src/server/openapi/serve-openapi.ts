import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { HttpPlugin } from "../http/http-plugin.ts";

const file = new URL("../../../gen/openapi.json", import.meta.url);

/**
 * Serves the OpenAPI document of the REST paths at `/openapi.json`, without authentication: the bytes of `gen/openapi.json`, read
 * at the start.
 */
export function serveOpenapi(): HttpPlugin {
  return async (scope) => {
    const bytes = await readFile(file);
    const etag = `"${createHash("sha256").update(bytes).digest("base64url")}"`;
    scope.get("/openapi.json", async (request, reply) => {
      reply.headers({ etag, "cache-control": "no-cache", "x-content-type-options": "nosniff" });
      if (request.headers["if-none-match"] === etag) return reply.code(304).send();
      return reply.header("content-type", "application/json; charset=utf-8").send(bytes);
    });
  };
}
