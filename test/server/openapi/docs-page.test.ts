import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { browserForTests, launchBrowser } from "../../support/browser.ts";

const executable = await browserForTests();

describe("the page at /docs, in a browser", () => {
  let app: TestApp;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  const requested: string[] = [];

  beforeAll(async () => {
    app = await startTestApp();
    browser = await launchBrowser(executable);
    page = await browser.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on("request", (request) => requested.push(request.url()));
    await page.goto(`${app.httpUrl}/docs`);
    await page.waitForSelector(".opblock");
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
  });

  test("shows every operation of the document", async () => {
    const { paths } = (await (await fetch(`${app.httpUrl}/openapi.json`)).json()) as { paths: Record<string, object> };
    const operations = Object.values(paths).reduce((sum, verbs) => sum + Object.keys(verbs).length, 0);
    expect(operations).toBeGreaterThan(20);
    expect(await page.locator(".opblock").count()).toBe(operations);
    await page.locator("#operations-ConnectionProfileService-createConnectionProfile .opblock-summary").click();
    await page.waitForSelector("#operations-ConnectionProfileService-createConnectionProfile .opblock-body textarea");
  });

  test("calls this server with a token that was typed in", async () => {
    await page.locator("button.authorize").first().click();
    await page.locator(".modal-ux input").fill(await app.token());
    await page.locator(".modal-ux button[type=submit]").click();
    await page.locator(".modal-ux button.btn-done").click();
    const operation = page.locator("#operations-ConnectionProfileService-listConnectors");
    await operation.locator(".opblock-summary").click();
    await operation.locator("button.execute").click();
    const status = operation.locator(".live-responses-table .response-col_status").last();
    await status.waitFor();
    expect((await status.innerText()).trim()).toMatch(/^200/);
    expect(await operation.locator(".live-responses-table").innerText()).toContain("bootstrap_servers");
  });

  test("asks nobody else, and has nothing to complain of", () => {
    const outsiders = requested.filter((url) => !url.startsWith(app.httpUrl) && !url.startsWith("data:"));
    expect(outsiders).toEqual([]);
    expect(requested).toContain(`${app.httpUrl}/v1/connectors`);
    expect(complaints).toEqual([]);
  });
});
