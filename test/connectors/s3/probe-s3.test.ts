import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { S3ConfigSchema } from "../../../gen/connectory/v1/s3_config_pb.js";
import { s3 } from "../../../src/connectors/s3/s3.ts";
import { canary } from "../../support/canary.ts";
import { startHttpServer } from "../http-server.ts";
import { startLocalServer } from "../local-server.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";

type Init = MessageInitShape<typeof S3ConfigSchema>;

const closers: (() => Promise<void>)[] = [];
let before = 0;
beforeEach(() => {
  before = openResources();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(closers.splice(0).map((close) => close()));
  await expectNothingLeft(before);
});

const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: canary("s3-fake") };

async function serve(answer: RequestListener) {
  const server = await startHttpServer(answer);
  closers.push(server.close);
  return server;
}

const error =
  (status: number, code: string): RequestListener =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/xml" });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>hidden</Message></Error>`);
  };

const listing: RequestListener = (_, response) =>
  response.end(`<?xml version="1.0"?><ListBucketResult><Name>shop</Name><KeyCount>0</KeyCount></ListBucketResult>`);

describe("an S3 service", () => {
  test("is asked in the path, with signatures of the given key alone", async () => {
    const { url, requests, headers } = await serve(listing);
    const outcome = await tryConnector("s3", { endpoint: url, bucket: "shop", region: "eu-central-1", ...keys });
    expect(outcome.error).toBe(false);
    expect(requests).toEqual(["GET /shop/?list-type=2&max-keys=1", "HEAD /shop/"]);
    expect(headers[0]?.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/s3\//);
    expect(headers[0]?.["user-agent"]).not.toMatch(/node|linux|darwin/i);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS SKIPPED NOT_CONFIGURED",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
  });

  test("takes nothing from the environment or the files of this machine", async () => {
    const other = await serve(listing);
    const folder = await mkdtemp(join(tmpdir(), "connectory-aws-"));
    closers.push(() => rm(folder, { recursive: true }));
    const file = `[default]\nendpoint_url = ${other.url}\nregion = us-west-2\naws_access_key_id = AKIDFILE\naws_secret_access_key = x\nuse_fips_endpoint = true\nretry_mode = adaptive\nmax_attempts = 7\n`;
    for (const name of ["config", "credentials"]) await writeFile(join(folder, name), file);
    vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "credentials"));
    vi.stubEnv("AWS_ENDPOINT_URL", other.url);
    vi.stubEnv("AWS_ENDPOINT_URL_S3", other.url);
    vi.stubEnv("AWS_REGION", "us-west-2");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "x");
    vi.stubEnv("AWS_SESSION_TOKEN", "x");
    vi.stubEnv("AWS_MAX_ATTEMPTS", "7");
    vi.stubEnv("AWS_SDK_UA_APP_ID", "from-environment");
    for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"]) vi.stubEnv(name, other.url);
    const { url, requests, headers } = await serve(error(503, "SlowDown"));
    await tryConnector("s3", { endpoint: url, bucket: "shop", ...keys });
    expect([requests.length, other.requests.length]).toEqual([1, 0]);
    expect(headers[0]?.authorization).toContain("Credential=AKIDEXAMPLE/");
    expect(headers[0]?.authorization).toContain("/us-east-1/s3/");
    expect(headers[0]).not.toHaveProperty("x-amz-security-token");
    expect(headers[0]?.["user-agent"]).not.toContain("from-environment");
  });

  test.each([
    ["InvalidAccessKeyId", 403, "AUTHENTICATE", "PASSWORD_WRONG", "access_key_id"],
    ["SignatureDoesNotMatch", 403, "AUTHENTICATE", "PASSWORD_WRONG", "secret_access_key"],
    ["ExpiredToken", 400, "AUTHENTICATE", "TOKEN_EXPIRED", "session_token"],
    ["InvalidToken", 400, "AUTHENTICATE", "PASSWORD_WRONG", "session_token"],
    ["RequestTimeTooSkewed", 403, "AUTHENTICATE", "CLOCK_SKEWED", "endpoint"],
    ["AccessDenied", 403, "AUTHORIZE", "PERMISSION_DENIED", "access_key_id"],
    ["NoSuchBucket", 404, "CAPABILITY", "BUCKET_UNKNOWN", "bucket"],
    ["PermanentRedirect", 301, "CAPABILITY", "REGION_WRONG", "region"],
    ["AuthorizationHeaderMalformed", 400, "CAPABILITY", "REGION_WRONG", "region"],
    ["SlowDown", 503, "CAPABILITY", "UNAVAILABLE", "endpoint"],
    ["toString", 400, "CAPABILITY", "NOT_AN_S3_SERVICE", "endpoint"],
  ])("that answers %s", async (name, status, stage, code, field) => {
    const { url, requests } = await serve(error(status, name));
    const outcome = await tryConnector("s3", { endpoint: url, bucket: "shop", ...keys });
    expect(steps(outcome)).toContain(`${stage} FAILED ${code}`);
    expect(failure(outcome)).toMatchObject({ code, field });
    expect([requests.length, outcome.message.includes("hidden")]).toEqual([1, false]);
  });

  test.each([
    ["JSON", 200, '{"status":"ok"}'],
    ["a page", 200, "<!doctype html><html><body>hello</body></html>"],
    ["a page that says no", 404, "<html><h1>404 Not Found</h1></html>"],
    ["nothing", 200, ""],
    ["a redirect to the metadata service", 307, ""],
    ["other XML", 200, "<?xml version='1.0'?><a><b/></a>"],
  ])("that answers with %s is none", async (_, status, body) => {
    const { url, requests } = await serve((__, response) => {
      if (status === 307) response.setHeader("location", "http://169.254.169.254/");
      response.writeHead(status).end(body);
    });
    for (const bucket of ["shop", ""]) {
      const outcome = await tryConnector("s3", { endpoint: url, bucket, ...keys });
      expect(failure(outcome)).toMatchObject({ code: "NOT_AN_S3_SERVICE", field: "endpoint" });
    }
    expect(requests).toHaveLength(2);
  });

  test("that never stops to answer is not listened to", async () => {
    const { url } = await serve((_, response) => {
      response.write("<ListBucketResult>");
      const more = () => {
        while (response.write(Buffer.alloc(65_536, " ")));
      };
      response.on("drain", more);
      more();
    });
    const outcome = await tryConnector("s3", { endpoint: url, bucket: "shop", ...keys });
    expect(failure(outcome)).toMatchObject({ code: "TOO_MUCH_DATA" });
  });

  test("that is another protocol, or closes", async () => {
    for (const [bytes, code] of [
      ["SSH-2.0-OpenSSH_9.2\r\n", "NOT_AN_HTTP_SERVER"],
      ["", "CONNECTION_CLOSED"],
    ] as const) {
      const server = await startLocalServer((socket) => void socket.once("data", () => socket.end(bytes)));
      closers.push(server.close);
      const endpoint = `http://127.0.0.1:${server.port}`;
      expect(failure(await tryConnector("s3", { endpoint, bucket: "shop", ...keys }))).toMatchObject({ code });
    }
  });

  test("leaves nothing open when the caller goes", async () => {
    const { url, connections } = await serve(() => {});
    const caller = new AbortController();
    const testing = tryConnector("s3", { endpoint: url, bucket: "shop", ...keys }, { signal: caller.signal });
    await expect.poll(connections).toBe(1);
    caller.abort(new Error("gone"));
    await expect(testing).rejects.toThrow("gone");
    await expect.poll(connections).toBe(0);
  });

  test("lists prefixes and objects, the folder's own object left out", async () => {
    const { url, requests } = await serve((_, response) =>
      response.end(`<?xml version="1.0"?><ListBucketResult><Name>shop</Name><IsTruncated>true</IsTruncated>
        <NextContinuationToken>t+1</NextContinuationToken>
        <Contents><Key>a/</Key><Size>0</Size></Contents><Contents><Key>a/1</Key><Size>7</Size></Contents>
        <CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes></ListBucketResult>`),
    );
    const config = { endpoint: url, ...keys };
    const { page } = await discoverWith("s3", config, { parent: "shop/a/", pageSize: 3 });
    expect(page.resources).toEqual([
      { kind: "prefix", name: "shop/a/b/", container: true },
      { kind: "object", name: "shop/a/1", container: false, facts: { size: "7" } },
    ]);
    await discoverWith("s3", config, { parent: "shop/a/", pageSize: 3, cursor: page.nextCursor });
    expect(requests[1]).toContain("continuation-token=t%2B1");
  });
});

describe("a configuration for S3", () => {
  const wrong = (init: Init) => (s3.validate?.(create(S3ConfigSchema, init)) ?? []).map(({ field }) => field);
  const begins = (init: Init) => s3.endpoints(create(S3ConfigSchema, init));

  test("is checked without dialling", () => {
    expect(wrong({ ...keys, bucket: "shop", tls: {} })).toEqual([]);
    expect(wrong({ ...keys, endpoint: "minio.example:9000" })).toEqual(["endpoint"]);
    expect(wrong({ ...keys, endpoint: "http://minio.example", tls: {} })).toEqual(["tls"]);
    expect(wrong({ ...keys, endpoint: "https://minio.example/?a=1" })).toEqual(["endpoint"]);
    expect(wrong({ ...keys, sessionToken: "a\r\nb: c" })).toEqual(["session_token"]);
  });

  test("begins at its endpoint, or at Amazon's", () => {
    expect(begins({ bucket: "shop" })).toEqual([{ host: "shop.s3.us-east-1.amazonaws.com", port: 443 }]);
    expect(begins({ bucket: "my.shop" })).toEqual([{ host: "s3.us-east-1.amazonaws.com", port: 443 }]);
    expect(begins({ region: "cn-north-1" })).toEqual([{ host: "s3.cn-north-1.amazonaws.com.cn", port: 443 }]);
    const endpoint = "http://minio.example:9000";
    expect(begins({ endpoint, bucket: "shop", forcePathStyle: true })).toEqual([{ host: "minio.example", port: 9000 }]);
    expect(begins({ endpoint, bucket: "shop" })).toEqual([{ host: "shop.minio.example", port: 9000 }]);
    expect(begins({ endpoint: "http://[::1]:9000", bucket: "shop" })).toEqual([{ host: "::1", port: 9000 }]);
  });
});
