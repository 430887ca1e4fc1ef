import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { HttpPlugin } from "../http/http-plugin.ts";

/** The page may load, run and request only content of this server; `data:` images are part of Swagger UI's style sheet. */
const pageHeaders = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  png: "image/png",
};

/** The files of the package that the page uses. */
const fromPackage = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/**
 * The script of the page; entered tokens are kept in the page only, until it is closed. It sends requests to the server of the
 * page, which the document, made once for all servers, does not name.
 */
const start = `window.addEventListener("load", async () => {
  const spec = await (await fetch("/openapi.json")).json();
  SwaggerUIBundle({
    spec: { ...spec, servers: [{ url: location.origin }] },
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
});
`;

/** Serves a page at `/docs`, to which `/` leads, that shows the OpenAPI document and sends requests, with Swagger UI from its npm package. */
export function serveDocs(): HttpPlugin {
  return async (scope) => {
    const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
    const assets = new Map<string, Buffer>([["start.js", Buffer.from(start)]]);
    for (const name of fromPackage) assets.set(name, await readFile(join(folder, name)));
    const page = Buffer.from(pageOf([...assets.keys()].map((name) => [name, pathOf(name, assets)])));

    scope.get("/", async (_request, reply) => reply.redirect("/docs"));
    scope.get("/docs", async (_request, reply) =>
      reply
        .headers({ ...pageHeaders, "cache-control": "no-cache" })
        .type("text/html; charset=utf-8")
        .send(page),
    );
    for (const [name, bytes] of assets)
      scope.get(pathOf(name, assets), async (_request, reply) =>
        reply
          .headers({ ...pageHeaders, "cache-control": "public, max-age=31536000, immutable" })
          .type(types[name.split(".").at(-1) ?? ""] ?? "application/octet-stream")
          .send(bytes),
      );
  };
}

/** Returns a path with a hash of the content, so that caches may keep the file permanently. */
function pathOf(name: string, assets: ReadonlyMap<string, Buffer>): string {
  const digest = createHash("sha256")
    .update(assets.get(name) ?? "")
    .digest("hex")
    .slice(0, 16);
  return `/docs/${digest}/${name}`;
}

function pageOf(paths: readonly (readonly [name: string, path: string])[]): string {
  const path = Object.fromEntries(paths);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Connectory: the API</title>
    <link rel="icon" href="${path["favicon-32x32.png"]}">
    <link rel="stylesheet" href="${path["swagger-ui.css"]}">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="${path["swagger-ui-bundle.js"]}"></script>
    <script src="${path["start.js"]}"></script>
  </body>
</html>
`;
}
