import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app?.stop());

test("the committed document is answered to everybody, and to those who have it only that it is the same", async () => {
  const first = await fetch(`${app.httpUrl}/openapi.json`);
  expect(first.status).toBe(200);
  expect(first.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(first.headers.get("x-content-type-options")).toBe("nosniff");
  const committed = await readFile(new URL("../../../gen/openapi.json", import.meta.url));
  expect(Buffer.from(await first.arrayBuffer()).equals(committed)).toBe(true);
  const etag = first.headers.get("etag") ?? "";
  expect(etag).toMatch(/^"[A-Za-z0-9_-]{43}"$/);
  const again = await fetch(`${app.httpUrl}/openapi.json`, { headers: { "if-none-match": etag } });
  expect([again.status, await again.text()]).toEqual([304, ""]);
  expect((await fetch(`${app.httpUrl}/openapi.json`, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
});

test("the page lets nothing of others in, and what it loads is kept for good", async () => {
  const page = await fetch(`${app.httpUrl}/docs`);
  expect(page.status).toBe(200);
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(page.headers.get("x-frame-options")).toBe("DENY");
  const html = await page.text();
  const paths = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);
  expect(paths).toHaveLength(4);
  for (const path of paths) {
    expect(path).toMatch(/^\/docs\/[0-9a-f]{16}\/[a-z0-9.-]+$/);
    const asset = await fetch(app.httpUrl + path);
    expect([path, asset.status]).toEqual([path, 200]);
    expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(asset.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(300);
  }
  expect(html).not.toMatch(/<script>|onload=|style=/);
  expect((await fetch(`${app.httpUrl}/docs/0000000000000000/start.js`)).status).toBe(404);
});
