import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { canary } from "../canary.ts";
import { freePort } from "../free-port.ts";
import type { TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { goProgram, goPrograms } from "./go-program.ts";
import { runServer } from "./run-server.ts";
import { startTlsFronts } from "./tls-front.ts";

interface S3User {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const userOf = (accessKeyId: string): S3User => ({ accessKeyId, secretAccessKey: canary(`s3-${accessKeyId}`) });
const users = { tester: userOf("tester"), outsider: userOf("outsider") };
const root = userOf("root");
const region = "us-east-1";

export interface TestS3 {
  readonly host: "127.0.0.1";
  /** HTTP; path-style addresses. */
  readonly port: number;
  readonly tls: TlsPorts;
  readonly mutual: number;
  readonly region: string;
  /** The tester's, with the object `orders/1.json`. */
  readonly bucket: "shop";
  /** The outsider sees no bucket and gets AccessDenied from `bucket`. Another key: InvalidAccessKeyId, a wrong secret: SignatureDoesNotMatch. */
  readonly users: { readonly tester: S3User; readonly outsider: S3User };
  stop(): Promise<void>;
}

/** One S3 server over a folder, in about 0.5 s. */
export async function startS3(): Promise<TestS3> {
  const command = await goProgram(goPrograms.versitygw);
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("s3")).path;
  const folders = { iam: join(dir, "iam"), data: join(dir, "data"), metadata: join(dir, "metadata") };
  for (const folder of Object.values(folders)) await mkdir(folder);
  await writeFile(join(folders.iam, "users.json"), JSON.stringify({ accessAccounts: accounts }));
  const port = await freePort();
  const env = { ROOT_ACCESS_KEY: root.accessKeyId, ROOT_SECRET_KEY: root.secretAccessKey };
  const gateway = ["--port", `127.0.0.1:${port}`, "--region", region, "--iam-dir", folders.iam, "--quiet"];
  // Metadata in files of its own: not every file system of temporary files has extended attributes.
  const args = [...gateway, "posix", "--sidecar", folders.metadata, folders.data];
  stack.use(await runServer({ command, args, dir, env, ports: [port] }));
  await fill(port);
  const { tls, mutual } = await startTlsFronts(port, stack);
  const owned = stack.move();
  return { host: "127.0.0.1", port, tls, mutual, region, bucket: "shop", users, stop: () => owned.disposeAsync() };
}

const account = ({ accessKeyId, secretAccessKey }: S3User, role: string) => ({
  [accessKeyId]: { access: accessKeyId, secret: secretAccessKey, role, userID: 0, groupID: 0, projectID: 0 },
});
const accounts = { ...account(users.tester, "userplus"), ...account(users.outsider, "user") };

async function fill(port: number): Promise<void> {
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region,
    credentials: users.tester,
    forcePathStyle: true,
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: "shop" }));
    await client.send(new PutObjectCommand({ Bucket: "shop", Key: "orders/1.json", Body: '{"id":1}' }));
  } finally {
    client.destroy();
  }
}
