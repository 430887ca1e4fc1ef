import { buildQueryString } from "@smithy/core/protocols";
import { Hash } from "@smithy/core/serde";
import { clearCredentialCache, SignatureV4 } from "@smithy/signature-v4";
import type { MskLogin } from "../kafka-access.ts";

/** As long as AWS's own signers make them valid, in seconds. */
const expiresIn = 900;

/**
 * The token that Amazon MSK takes for a log-in: the URL of the request `kafka-cluster:Connect`, signed (Signature
 * Version 4) and in base64url. Nobody is asked and nothing but the given credentials is used; the secret is not in it.
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
    // The library keeps keys that it derives from the secret.
    clearCredentialCache();
  }
}
