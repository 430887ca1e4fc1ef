import { buildQueryString } from "@smithy/core/protocols";
import { Hash } from "@smithy/core/serde";
import { clearCredentialCache, SignatureV4 } from "@smithy/signature-v4";
import type { MskLogin } from "../kafka-access.ts";

/** The validity of a token, in seconds, as in AWS's own signers. */
const expiresIn = 900;

/**
 * Returns the token for a log-in to Amazon MSK: the URL of the request `kafka-cluster:Connect`, signed (Signature Version 4)
 * and in base64url. It is computed locally from the given credentials only, and does not hold the secret. `now` is the current
 * time by default.
 */
export async function signMskToken(login: MskLogin, now = new Date()): Promise<string> {
  const { region, accessKeyId, secretAccessKey, sessionToken } = login;
  const signer = new SignatureV4({
    service: "kafka-cluster",
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === "" ? {} : { sessionToken }) },
    sha256: Hash.bind(null, "sha256"),
    applyChecksum: false,
  });
  const host = `kafka.${region}.amazonaws.com`;
  const request = {
    method: "GET",
    protocol: "https:",
    hostname: host,
    path: "/",
    query: { Action: "kafka-cluster:Connect" },
    headers: { host },
  };
  try {
    const { query } = await signer.presign(request, { expiresIn, signingDate: now });
    const signed = `https://${host}/?${buildQueryString({ ...query, "User-Agent": "connectory" })}`;
    return Buffer.from(signed).toString("base64url");
  } finally {
    // The library caches keys derived from the secret.
    clearCredentialCache();
  }
}
