import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { browserForTests, launchBrowser } from "../support/browser.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

const browserPath = await browserForTests();
const certificates = join(import.meta.dirname, "../support/certificates");

let server: ServerProcess;
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "connectory-watches-"));
  const file = (name: string) => join(certificates, `${name}.pem`);
  server = await startServer({ DATA_DIR: dataDir, TLS_CERT_FILE: file("server"), TLS_KEY_FILE: file("server-key") });
});
afterAll(async () => {
  await server?.end("SIGTERM");
  await rm(dataDir, { recursive: true, force: true });
});

// A browser makes six connections of HTTP/1.1 to a server and waits with all else while each has a stream on it.
test("a page holds twenty watches over TLS, sees what happens on each, and calls beside them", async () => {
  const browser = await launchBrowser(browserPath);
  try {
    const tab = await browser.newPage({ ignoreHTTPSErrors: true });
    await tab.goto(`${server.httpUrl.replace("http:", "https:")}/docs`); // its own origin: no CORS in the way
    const found = await tab.evaluate(async (token) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const watches = await Promise.all(
        Array.from({ length: 20 }, async () => (await fetch("/v1/connections:watch", { headers })).body?.getReader()),
      );
      const body = JSON.stringify({ userId1: "alice", userId2: "bob" });
      const { status } = await fetch("/v1/connections", { method: "POST", headers, body });
      const seen = watches.map(async (reader) => {
        const decoder = new TextDecoder();
        for (let text = ""; !text.includes("bob"); text += decoder.decode((await reader?.read())?.value));
        return true;
      });
      const [, entry] = performance
        .getEntriesByType("resource")
        .map((one) => (one as PerformanceResourceTiming).nextHopProtocol);
      return { status, seen: (await Promise.all(seen)).length, protocol: entry };
    }, server.token);
    expect(found).toEqual({ status: 201, seen: 20, protocol: "h2" });
  } finally {
    await browser.close();
  }
});
