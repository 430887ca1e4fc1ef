import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/app/parse-config.ts";
import { fencesOf } from "../docs/read-page.ts";
import { findProgram } from "../support/servers/find-program.ts";

const openssl = findProgram("openssl", "openssl");

test("the commands of docs/deployment.md make secrets that the service can read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "connectory-secrets-"));
  try {
    await mkdir(join(folder, "deploy"));
    const script = fencesOf("docs/deployment.md").find(({ text }) => text.startsWith("install -d -m 0700"))?.text ?? "";
    const env = { PATH: [dirname(openssl), process.env.PATH].join(delimiter) };
    execFileSync("sh", ["-eu", "-c", script], { cwd: folder, env });
    const secrets = join(folder, "deploy/secrets");
    expect((await stat(secrets)).mode & 0o777).toBe(0o700);
    const config = parseConfig({
      DATABASE_URL_FILE: join(secrets, "database-url"),
      SECRET_KEYS_FILE: join(secrets, "secret-keys"),
      METRICS_TOKEN_FILE: join(secrets, "metrics-token"),
    });
    expect(config.databaseUrl).toMatch(/^postgresql:\/\/connectory:[0-9a-f]{32}@postgres:5432\/connectory$/);
    expect(config.secretKeys?.map(({ id, key }) => [id, key.length])).toEqual([["k1", 32]]);
    expect(config.metricsToken).toHaveLength(32);
  } finally {
    await chmod(join(folder, "deploy/secrets"), 0o700).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
});
