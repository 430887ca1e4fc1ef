import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { S3ConfigSchema } from "../../../gen/connectory/v1/s3_config_pb.js";
import { s3 } from "../../../src/connectors/s3/s3.ts";
import { createMessageCheck } from "../../../src/interceptors/validate.ts";
import { canary } from "../../support/canary.ts";
import { endedByDeadline } from "../../support/ended-by-deadline.ts";
import { startHttpServer } from "../http-server.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: canary("s3-other-makers") };

/** Whether a request is signed for a region (Signature Version 4), computed from what arrived alone. */
function isSignedFor(region: string, { method, url = "", headers }: IncomingMessage): boolean {
  const [, date, signed = "", signature] =
    /\/(\d{8})\/[^,]+, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(headers.authorization ?? "") ?? [];
  const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  const [path, query = ""] = url.split("?");
  const listed = signed.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const parameters = query.split("&").toSorted().join("&");
  const request = [method, path, parameters, listed.join(""), signed, headers["x-amz-content-sha256"]].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const digest = createHash("sha256").update(request).digest("hex");
  const key = [String(date), region, "s3", "aws4_request"].reduce<string | Buffer>(
    (made, part) => hmac(made, part),
    `AWS4${keys.secretAccessKey}`,
  );
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest].join("\n");
  return hmac(key, text).toString("hex") === signature && headers.authorization?.includes(scope) === true;
}

/** A service that takes requests signed for its own region alone, and names the bucket as it was asked for it. */
async function serve(region: string, head: RequestListener = (_, response) => response.end()) {
  const server = await startHttpServer((request, response) => {
    if (!isSignedFor(region, request)) {
      response.writeHead(400, { "content-type": "application/xml" });
      return void response.end("<Error><Code>AuthorizationHeaderMalformed</Code></Error>");
    }
    if (request.method === "HEAD") return head(request, response);
    const bucket = decodeURIComponent((request.url ?? "").split(/[/?]/)[1] ?? "");
    response.end(
      `<?xml version="1.0"?><ListBucketResult><Name>${bucket}</Name><KeyCount>0</KeyCount></ListBucketResult>`,
    );
  });
  closers.push(server.close);
  return server;
}

describe("a service of another maker", () => {
  test.each(["RegionOne", "GRA", "default:default-placement", "fr-par", "fips-x", "nl_ams.1"])(
    "is asked with signatures for its region %s",
    async (region) => {
      const { url } = await serve(region);
      const outcome = await tryConnector("s3", { endpoint: url, region, bucket: "shop", ...keys });
      expect(failure(outcome)).toBeUndefined();
      const other = await tryConnector("s3", { endpoint: url, region: "us-east-1", bucket: "shop", ...keys });
      expect(failure(other)).toMatchObject({ code: "REGION_WRONG", field: "region" });
    },
  );

  test.each(["Shop_Files", "tenant:files", "a", "x".repeat(200), "UPPER.case"])(
    "is asked for its bucket %s, in the path",
    async (bucket) => {
      const { url, requests } = await serve("GRA");
      const config = { endpoint: url.replace("127.0.0.1", "localhost"), region: "GRA", ...keys };
      expect(failure(await tryConnector("s3", { ...config, bucket }))).toBeUndefined();
      expect(decodeURIComponent(requests[0] ?? "")).toBe(`GET /${bucket}/?list-type=2&max-keys=1`);
      const found = await discoverWith("s3", config, { parent: `${bucket}/` });
      expect(failure(found)).toBeUndefined();
    },
  );

  test.each<[string, RequestListener]>([
    ["403", (_, response) => response.writeHead(403).end()],
    ["405", (_, response) => response.writeHead(405).end()],
    ["500", (_, response) => response.writeHead(500).end()],
    ["an end of the connection", (request) => request.socket.destroy()],
    ["silence", () => {}],
  ])("that answers HEAD with %s passes without the bucket's region", async (_, head) => {
    const { url } = await serve("GRA", head);
    const config = { endpoint: url, region: "GRA", bucket: "shop", ...keys };
    const run = (deadlineMs: number) => tryConnector("s3", config, { deadlineMs });
    const outcome = await endedByDeadline(run, ({ error }) => !error);
    expect(steps(outcome)).toContain("CAPABILITY PASSED OK");
    expect(outcome.report.facts).toEqual([]);
  });
});

describe("a configuration for S3", () => {
  const check = createMessageCheck();
  const wrong = (init: MessageInitShape<typeof S3ConfigSchema>) => {
    const config = create(S3ConfigSchema, { ...keys, ...init });
    check(S3ConfigSchema, config);
    return (s3.validate?.(config) ?? []).map(({ field }) => field);
  };
  const endpoint = "https://s3.example";

  test("has names of the service with an endpoint, and of Amazon without", () => {
    for (const region of ["RegionOne", "default:default-placement"]) {
      expect(wrong({ endpoint, region })).toEqual([]);
      expect(wrong({ region })).toEqual(["region"]);
    }
    for (const bucket of ["Shop_Files", "tenant:files", "ab"]) {
      expect(wrong({ endpoint, bucket })).toEqual([]);
      expect(wrong({ bucket })).toEqual(["bucket"]);
    }
    expect(wrong({ endpoint, bucket: "arn:aws:s3:us-east-1:1:accesspoint" })).toEqual(["bucket"]);
  });

  test.each([
    { region: "a/b" },
    { region: "a b" },
    { region: "a,b" },
    { bucket: "../x" },
    { bucket: "a/b" },
    { bucket: "?" },
  ])("does not have %j, with an endpoint neither", (init) => expect(() => wrong({ endpoint, ...init })).toThrow());
});
