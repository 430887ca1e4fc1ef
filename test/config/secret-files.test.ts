import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigError, parseConfig } from "../../src/app/parse-config.ts";
import { secretSettings } from "../../src/config/settings.ts";
import { canary } from "../support/canary.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-secret-files-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

function problemsOf(environment: Record<string, string>): string {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

const key = `k1:${Buffer.alloc(32, 1).toString("base64")}`;

describe("secrets from files", () => {
  test("each secret setting is read from its file, without the line end after it", async () => {
    const password = canary("kafka-password");
    const config = parseConfig({
      DATABASE_URL_FILE: await fileOf("url", "postgres://ann:pw@db.example/x\n"),
      SECRET_KEYS_FILE: await fileOf("keys", `${key}\r\n`),
      KAFKA_BROKERS: "a:1",
      KAFKA_SASL_MECHANISM: "plain",
      KAFKA_SASL_USERNAME: "ann",
      KAFKA_SASL_PASSWORD_FILE: await fileOf("password", `${password}\n`),
      METRICS_TOKEN_FILE: await fileOf("token", "0123456789abcdef"),
    });
    expect(config.databaseUrl).toBe("postgres://ann:pw@db.example/x");
    expect(config.secretKeys?.map(({ id }) => id)).toEqual(["k1"]);
    expect(config.kafka?.sasl?.password).toBe(password);
    expect(config.metricsToken).toBe("0123456789abcdef");
    expect(secretSettings.toSorted()).toEqual(["DATABASE_URL", "KAFKA_SASL_PASSWORD", "METRICS_TOKEN", "SECRET_KEYS"]);
  });

  test("the variables of SECRET_ENV_ALLOW too, with the blanks that they hold", async () => {
    const config = parseConfig({
      SECRET_ENV_ALLOW: "DB_PASSWORD,acme/S3_SECRET,PLAIN",
      DB_PASSWORD_FILE: await fileOf("db", " two words \n"),
      S3_SECRET_FILE: await fileOf("s3", "x"),
      PLAIN: "y",
      PLAIN_FILE: "/not/read",
    });
    expect(Object.fromEntries(config.secretEnvironment)).toEqual({
      DB_PASSWORD: " two words ",
      "acme/S3_SECRET": "x",
      PLAIN: "y",
    });
    expect(problemsOf({ SECRET_ENV_ALLOW: "DB_PASSWORD", DB_PASSWORD_FILE: "/no/such" })).toContain(
      "- DB_PASSWORD_FILE: there is no file /no/such: check the path",
    );
  });

  test.each(secretSettings)(
    "%s: both forms, a missing file, a folder, an empty and a huge file are named",
    async (name) => {
      const file = `${name}_FILE`;
      expect(problemsOf({ [name]: "x", [file]: await fileOf("x", "x") })).toContain(
        `- ${file}: is set beside ${name}: leave one of them out`,
      );
      expect(problemsOf({ [file]: join(folder, "none") })).toContain(`- ${file}: there is no file ${folder}/none`);
      expect(problemsOf({ [file]: folder })).toContain(`- ${file}: ${folder} is a folder: name a file in it`);
      expect(problemsOf({ [file]: "/dev/zero" })).toContain(`- ${file}: /dev/zero is no regular file`);
      expect(problemsOf({ [file]: await fileOf("empty", "\n") })).toContain(`- ${file}: ${folder}/empty is empty`);
      expect(problemsOf({ [file]: await fileOf("huge", "x".repeat(2 ** 20 + 1)) })).toContain("is larger than");
    },
  );

  test("a wrong value is named by the variable of the file, and is not repeated", async () => {
    const message = problemsOf({
      DATABASE_URL_FILE: await fileOf("mysql", "mysql://ann:hunter2@db/x"),
      SECRET_KEYS: key,
    });
    expect(message).toContain("- DATABASE_URL_FILE: must be a URL that begins with postgres://");
    expect(message).not.toContain("hunter2");
  });

  test("a file that cannot be used counts as given: nothing says that the setting is missing", async () => {
    const database = { DATABASE_URL: "postgres://db.example/x" };
    expect(problemsOf({ ...database, SECRET_KEYS_FILE: "/no/such" }).split("\n")).toHaveLength(2);
    const sasl = { KAFKA_BROKERS: "a:1", KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "ann" };
    expect(problemsOf({ ...sasl, KAFKA_SASL_PASSWORD_FILE: "/no/such" }).split("\n")).toHaveLength(2);
  });

  test("a path through a file is named", async () => {
    await mkdir(join(folder, "deep"), { recursive: true });
    const path = await fileOf("deep/file", "x");
    expect(problemsOf({ SECRET_KEYS_FILE: join(path, "keys") })).toContain(
      "leads through a file as if it were a folder",
    );
  });
});
