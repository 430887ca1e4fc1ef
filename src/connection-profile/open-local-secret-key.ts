import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { readOrMakePrivateFile } from "../private-file.ts";
import type { SecretKeys } from "./seal-secret.ts";

/** The key-encryption key of a server without SECRET_KEYS. It lies in `dataDir` and is made on first use. */
export async function openLocalSecretKey(dataDir: string): Promise<SecretKeys["current"]> {
  const { id, key } = JSON.parse(await readOrMakePrivateFile(join(dataDir, "secret-key.json"), makeKey)) as {
    id: string;
    key: string;
  };
  return { id, key: Buffer.from(key, "base64") };
}

async function makeKey(): Promise<string> {
  return JSON.stringify({ id: `local-${randomUUID().slice(0, 8)}`, key: randomBytes(32).toString("base64") });
}
