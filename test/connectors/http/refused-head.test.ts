import type { RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { endedByDeadline } from "../../support/ended-by-deadline.ts";
import { startHttpServer } from "../http-server.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function serve(answer: RequestListener) {
  const server = await startHttpServer(answer);
  closers.push(server.close);
  return server;
}

const authentication = { case: "basic" as const, value: { username: "tester", password: canary("refused-head") } };

describe("an endpoint that takes GET and not HEAD", () => {
  test.each([400, 401, 402, 403, 404, 405, 407, 410, 418, 429, 500, 501, 502, 503])(
    "because it answers it with %i is asked with GET",
    async (status) => {
      const { url, requests, headers } = await serve((request, response) =>
        response.writeHead(request.method === "HEAD" ? status : 200).end(),
      );
      const outcome = await tryConnector("http", { url, authentication });
      expect(failure(outcome)).toBeUndefined();
      expect(steps(outcome)).toContain("CAPABILITY PASSED OK");
      expect(requests).toEqual(["HEAD /", "GET /"]);
      expect(headers[1]?.authorization).toBe(headers[0]?.authorization);
    },
  );

  test("because it closes the connection is asked with GET", async () => {
    const { url, requests } = await serve((request, response) =>
      request.method === "HEAD" ? request.socket.destroy() : response.end(),
    );
    expect(failure(await tryConnector("http", { url, authentication }))).toBeUndefined();
    expect(requests).toEqual(["HEAD /", "GET /"]);
  });

  test("because it says nothing is asked with GET, with time left", async () => {
    const { url, requests } = await serve((request, response) => void (request.method === "GET" && response.end()));
    const run = (deadlineMs: number) => tryConnector("http", { url, authentication }, { deadlineMs });
    const outcome = await endedByDeadline(run, ({ error }) => !error);
    expect(failure(outcome)).toBeUndefined();
    expect(requests.slice(-2)).toEqual(["HEAD /", "GET /"]);
  });

  test("behind a redirect is asked with GET there", async () => {
    const other = await serve((request, response) => response.writeHead(request.method === "HEAD" ? 403 : 200).end());
    const first = await serve((_, response) => response.writeHead(302, { location: `${other.url}/x` }).end());
    expect(failure(await tryConnector("http", { url: first.url }))).toBeUndefined();
    expect(other.requests).toEqual(["HEAD /x", "GET /x"]);
  });
});

test.each([
  [401, "PASSWORD_WRONG", "basic.password"],
  [403, "PERMISSION_DENIED", "basic.username"],
  [404, "NOT_FOUND", "url"],
  [429, "TOO_MANY_REQUESTS", "url"],
  [500, "SERVER_ERROR", "url"],
])("an endpoint that answers GET too with %i is judged by that", async (status, code, field) => {
  const { url } = await serve((request, response) =>
    response.writeHead(request.method === "HEAD" ? 400 : status).end(),
  );
  expect(failure(await tryConnector("http", { url, authentication }))).toMatchObject({ code, field });
});
