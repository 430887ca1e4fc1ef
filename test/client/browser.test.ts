import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserForTests, launchBrowser } from "../support/browser.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { type BuiltPage, buildPage } from "./build-page.ts";
import { type InstalledClient, installClient } from "./install-client.ts";
import { tourExpected } from "./tour-expected.ts";

const browserPath = await browserForTests();

let client: InstalledClient;
let page: BuiltPage;
beforeAll(async () => {
  client = await installClient();
  for (const name of ["tour.ts", "page.ts"])
    await client.add(name, await readFile(join(import.meta.dirname, "program", name), "utf8"));
  await client.add("index.html", `<!doctype html><title>page</title><script type="module" src="/page.ts"></script>`);
  page = await buildPage(client.folder, "index.html");
});
afterAll(() => client?.remove());

describe("in a browser", () => {
  let web: Server;
  let origin: string;
  let server: ServerProcess;
  let dataDir: string;
  beforeAll(async () => {
    web = createServer(async ({ url = "/" }, response) => {
      const name = url === "/" ? "index.html" : url;
      const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript" };
      const content = await readFile(join(page.folder, name)).catch(() => undefined);
      response.setHeader("content-type", types[extname(name)] ?? "application/octet-stream");
      response.writeHead(content === undefined ? 404 : 200).end(content);
    }).listen(0, "127.0.0.1");
    await once(web, "listening");
    origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
    dataDir = await mkdtemp(join(tmpdir(), "connectory-browser-"));
    server = await startServer({ DATA_DIR: dataDir, CORS_ORIGINS: origin });
  });
  afterAll(async () => {
    web.close();
    await server.end("SIGTERM");
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Opens the page at an origin and answers with what it says at the end. */
  async function open(at: string, transport: string, name: string): Promise<{ said?: string[]; error?: string }> {
    const browser = await launchBrowser(browserPath);
    try {
      const tab = await browser.newPage();
      const parameters = new URLSearchParams({ baseUrl: server.httpUrl, token: server.token, transport, name });
      await tab.goto(`${at}/#${parameters}`);
      await tab.waitForFunction("document.title === 'done'");
      return JSON.parse((await tab.textContent("body")) ?? "");
    } finally {
      await browser.close();
    }
  }

  test.each(["connect", "grpc-web"])("the page creates, lists and watches over %s", async (transport) => {
    expect(await open(origin, transport, `page-${transport}`)).toEqual({ said: tourExpected });
  });

  test("a page of another origin is told what may be the matter", async () => {
    const outsider = origin.replace("127.0.0.1", "localhost");
    const { error } = await open(outsider, "connect", "outsider");
    expect(error).toContain(`no connection to ${server.httpUrl}/: Failed to fetch`);
    expect(error).toContain("CORS_ORIGINS");
  });
});
