import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { freePort } from "../../support/free-port.ts";
import { startBlackHole } from "../../support/servers/black-hole.ts";
import { authority, client, otherAuthority } from "../../support/servers/certificates.ts";
import { serverForTests } from "../../support/servers/server-for-tests.ts";
import { startS3 } from "../../support/servers/start-s3.ts";
import { type ConfigInit, faultMatrix } from "../fault-matrix.ts";
import { expectNothingLeft, openResources } from "../open-resources.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";

const server = await serverForTests(startS3);
const hole = await startBlackHole();
const closedPort = await freePort();
let before = 0;
beforeEach(() => {
  before = openResources();
});
afterEach(() => expectNothingLeft(before));
afterAll(async () => {
  await server.stop();
  await hole.stop();
});

describe("a real S3 server", () => {
  const { port, tls: ports, mutual, bucket, users } = server;
  const tls = { ca: authority };
  const endpoint = `https://localhost:${ports.good}`;
  const right: ConfigInit<"s3"> = { endpoint, bucket, forcePathStyle: true, tls, ...users.tester };

  faultMatrix("s3", {
    right: [
      right,
      { ...right, bucket: "" },
      { endpoint: `http://127.0.0.1:${port}`, bucket, ...users.tester },
      { ...right, endpoint: `https://localhost:${mutual}`, tls: { ...tls, ...client } },
    ],
    "wrong host": {
      config: { ...right, endpoint: "https://nowhere.invalid" },
      fails: ["RESOLVE", "NAME_NOT_FOUND", "endpoint"],
    },
    "closed port": {
      config: { ...right, endpoint: `https://localhost:${closedPort}` },
      fails: ["CONNECT", "CONNECTION_REFUSED", "endpoint"],
    },
    "black hole": {
      config: { ...right, endpoint: `http://127.0.0.1:${hole.silent}` },
      fails: ["AUTHENTICATE", "TIMED_OUT", "endpoint"],
    },
    "wrong CA": { config: { ...right, tls: { ca: otherAuthority } }, fails: ["TLS", "TLS_UNTRUSTED", "tls.ca"] },
    "expired certificate": {
      config: { ...right, endpoint: `https://localhost:${ports.expired}` },
      fails: ["TLS", "TLS_EXPIRED", "tls"],
    },
    "wrong name": {
      config: { ...right, endpoint: `https://localhost:${ports["other-name"]}` },
      fails: ["TLS", "TLS_NAME_MISMATCH", "tls.server_name"],
    },
    "wrong password": {
      config: { ...right, secretAccessKey: canary("s3-wrong") },
      fails: ["AUTHENTICATE", "PASSWORD_WRONG", "secret_access_key"],
    },
    "no permission": {
      config: { ...right, ...users.outsider },
      fails: ["AUTHORIZE", "PERMISSION_DENIED", "access_key_id"],
    },
  });

  test("reports every stage, and what answered", async () => {
    const outcome = await tryConnector("s3", right);
    expect(outcome.message).toBe(`S3 answered at ${endpoint}/${bucket}`);
    expect(steps(outcome)).toEqual([
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS PASSED OK",
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE PASSED OK",
      // This server ends the connection after an answer.
      "RESOLVE PASSED OK",
      "EGRESS PASSED OK",
      "CONNECT PASSED OK",
      "TLS PASSED OK",
      "CAPABILITY PASSED OK",
    ]);
    const facts = Object.fromEntries(outcome.report.facts.map(({ name, value }) => [name, value]));
    expect(facts).toMatchObject({ bucket_region: "us-east-1" });
  });

  test("does not know the key, the bucket or the region", async () => {
    const unknown = await tryConnector("s3", { ...right, accessKeyId: "nobody" });
    expect(failure(unknown)).toMatchObject({ code: "PASSWORD_WRONG", field: "access_key_id" });
    const bucketless = await tryConnector("s3", { ...right, bucket: "no-such-bucket" });
    expect(failure(bucketless)).toMatchObject({ code: "BUCKET_UNKNOWN", field: "bucket" });
    const elsewhere = await tryConnector("s3", { ...right, region: "eu-central-1" });
    expect(failure(elsewhere)).toMatchObject({ code: "REGION_WRONG", field: "region" });
  });

  test("is found in pages of one", async () => {
    async function all(config: ConfigInit<"s3">, parent: string) {
      const found: string[] = [];
      let cursor = "";
      do {
        const { page, error } = await discoverWith("s3", config, { parent, pageSize: 1, cursor });
        expect([error, page.resources.length <= 1]).toEqual([false, true]);
        found.push(...page.resources.map(({ kind, name }) => `${kind} ${name}`));
        cursor = page.nextCursor;
      } while (cursor !== "" && found.length < 20);
      return found;
    }
    expect(await all({ ...right, bucket: "" }, "")).toContain(`bucket ${bucket}/`);
    expect(await all(right, "")).toEqual([`bucket ${bucket}/`]);
    expect(await all(right, `${bucket}/`)).toEqual([`prefix ${bucket}/orders/`]);
    expect(await all(right, `${bucket}/orders/`)).toEqual([`object ${bucket}/orders/1.json`]);
    expect(await all(right, `${bucket}/none/`)).toEqual([]);
  });

  test("is not asked for other buckets than the configured one", async () => {
    for (const parent of ["other/", "arn:aws:s3:us-east-1:1:accesspoint/", "..", "a@b.example/"]) {
      const outcome = await discoverWith("s3", right, { parent });
      expect(outcome.error).toBe(true);
      expect(outcome.message).toContain("BUCKET_UNKNOWN");
    }
  });
});
