import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { toUrl } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { patternOf, type WrongSetting, wrongSettings } from "./wrong-settings.ts";

const root = join(import.meta.dirname, "../..");
const folder = await mkdtemp(join(tmpdir(), "connectory-wrong-settings-"));
await cp(join(root, "test/support/certificates"), folder, { recursive: true });
await writeFile(join(folder, "garbage.pem"), "garbage\n");
await writeFile(join(folder, "file"), "0123456789abcdef\n");
const other = createServer().listen(0, "127.0.0.1");
await new Promise((resolve) => other.once("listening", resolve));
const database = await createTestDatabase();
const rows = wrongSettings({
  folder,
  takenAddress: `127.0.0.1:${(other.address() as AddressInfo).port}`,
  databaseUrl: toUrl(database.target),
});

afterAll(async () => {
  other.close();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The mistakes that fit into one environment are made in one start: the list of problems names each. */
function inOneStart(mistakes: readonly WrongSetting[]): WrongSetting[][] {
  const starts: WrongSetting[][] = [];
  for (const row of mistakes) {
    const isFree = (start: readonly WrongSetting[]) =>
      start.every(({ environment }) =>
        Object.keys(row.environment).every((name) => !familyOf(environment).has(nameOf(name))),
      );
    const start = starts.find(isFree);
    if (start === undefined) starts.push([row]);
    else start.push(row);
  }
  return starts;
}

/** Settings that are judged together. */
const nameOf = (name: string) => name.split("_")[0] ?? "";
const familyOf = (environment: object) => new Set(Object.keys(environment).map(nameOf));

function start(environment: Record<string, string>): Promise<{ code: number | null; printed: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["src/main.ts"], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        GRPC_ADDR: "127.0.0.1:0",
        HTTP_ADDR: "127.0.0.1:0",
        DATA_DIR: join(folder, "data"),
        SECRET_KEYS: `k1:${Buffer.alloc(32, 1).toString("base64")}`,
        ...environment,
      },
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (printed += chunk));
    child.once("close", (code) => resolve({ code, printed }));
  });
}

const starts = inOneStart(rows);

describe.each(starts.map((mistakes, index) => ({ mistakes, index })))("start $index", ({ mistakes }) => {
  let begun: ReturnType<typeof start> | undefined;
  const ended = () => {
    begun ??= start(Object.assign({}, ...mistakes.map(({ environment }) => environment)));
    return begun;
  };

  test.each(mistakes)("$mistake", async ({ answer }) => {
    const { code, printed } = await ended();
    expect(printed).toMatch(patternOf(answer));
    expect(code).toBe(1);
  });

  test("names nothing else, repeats no password, and starts nothing", async () => {
    const { printed } = await ended();
    expect(printed.split("\n- ")[0]).toContain("The environment is not right:");
    expect(printed.match(/^ {2}- /gm) ?? []).toHaveLength(mistakes.length);
    expect(printed).not.toMatch(/hidden|\n\s+at /);
    expect(await readdir(join(folder, "data")).catch(() => [])).toEqual([]);
  });
});

test("few starts show all of it", () => {
  expect(starts.length).toBeLessThanOrEqual(12);
});
