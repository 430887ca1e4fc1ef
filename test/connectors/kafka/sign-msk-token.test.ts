import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { signMskToken } from "../../../src/connectors/kafka/sasl/sign-msk-token.ts";
import { canary } from "../../support/canary.ts";

const login = {
  kind: "msk",
  region: "eu-central-1",
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: canary("msk/secret+key"),
  sessionToken: "",
} as const;
const now = new Date("2026-03-04T05:06:07Z");

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

/** Signature Version 4 of a presigned URL as AWS documents it, step by step. */
function signatureOf(url: URL): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  const signed = [...url.searchParams].filter(([name]) => name !== "X-Amz-Signature" && name !== "User-Agent");
  const query = signed
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const request = ["GET", "/", query, `host:${url.host}`, "", "host", sha256("")].join("\n");
  const scope = "20260304/eu-central-1/kafka-cluster/aws4_request";
  const text = ["AWS4-HMAC-SHA256", "20260304T050607Z", scope, sha256(request)].join("\n");
  const key = scope.split("/").reduce<string | Buffer>(hmac, `AWS4${login.secretAccessKey}`);
  return hmac(key, text).toString("hex");
}

test.each(["", "session/token+with=signs"])("is a signed URL, with session token %j", async (sessionToken) => {
  const token = await signMskToken({ ...login, sessionToken }, now);
  expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
  const url = new URL(Buffer.from(token, "base64url").toString());
  expect(`${url.origin}${url.pathname}`).toBe("https://kafka.eu-central-1.amazonaws.com/");
  const { "X-Amz-Signature": signature, ...query } = Object.fromEntries(url.searchParams);
  expect(query).toEqual({
    Action: "kafka-cluster:Connect",
    "User-Agent": "connectory",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIDEXAMPLE/20260304/eu-central-1/kafka-cluster/aws4_request",
    "X-Amz-Date": "20260304T050607Z",
    "X-Amz-Expires": "900",
    "X-Amz-SignedHeaders": "host",
    ...(sessionToken === "" ? {} : { "X-Amz-Security-Token": sessionToken }),
  });
  expect(signature).toBe(signatureOf(url));
});
