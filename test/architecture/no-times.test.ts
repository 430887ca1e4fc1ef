import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const own = "test/architecture/no-times.test.ts";

/**
 * How long something took, how often it happens in a second, and how such figures compare depend on the machine and on who
 * else uses it: they are rows of `npm run bench`, and no test asserts one. A test waits for a condition, with a bound that is
 * many times what it takes, and holds order, counts and limits.
 */
const measures =
  /\bperformance\.now\(|\bhrtime\b|\bDate\.now\(\) - (?!\d)|\bcpuUsage\(|\bperformance\.(mark|measure)\(/;
const times =
  /\b(took|elapsed|began|duration|seconds|latenc\w*|lag|age|p50|p95|p99|percentile\w*|rate|ratio|throughput|perSecond)\b|\w*Ms\b(?!\()/;
const comparison = /\.(toBe(Less|Greater)Than(OrEqual)?|toBeCloseTo)\(/;

/** What asserts a time, in a file that asserts: the statement, in one line. */
function timesIn(text: string): string[] {
  const statements = text.split(/;\n/).map((statement) => statement.replaceAll(/\s+/g, " ").trim());
  return statements.filter(
    (statement) => measures.test(statement) || (comparison.test(statement) && times.test(expectationOf(statement))),
  );
}

const fixedWait = /\bawait (sleep\(\d|new Promise\(\(\w+\) => setTimeout\(\w+, \d)/;
/** Holds that something has not happened: the longer the machine takes, the more easily it is kept. */
const nothingHappened = /\.not\.|\.toEqual\(\[\]\)|\.toBe\((0|false|undefined)\)|\.toHaveLength\(0\)|\.toBeLessThan/;

/** What must have happened after a wait of a fixed length, with nothing between the two: the statement, in one line. */
function fixedWaitsIn(text: string): string[] {
  const statements = text.split(/;\n/).map((statement) =>
    statement
      .replaceAll(/\/\/.*/g, "")
      .replaceAll(/\s+/g, " ")
      .trim(),
  );
  return statements.filter(
    (statement, index) =>
      fixedWait.test(statements[index - 1] ?? "") &&
      /^(await )?expect\b/.test(statement) &&
      !nothingHappened.test(statement),
  );
}

/** From its last `expect` on. */
function expectationOf(statement: string): string {
  return statement.slice(Math.max(0, statement.lastIndexOf("expect")));
}

test("no test asserts a time, a rate or a ratio of them", () => {
  const files = globSync("test/**/*.ts", { cwd: root }).filter((file) => file !== own);
  const found = files.flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    return /\bexpect\b/.test(text) ? timesIn(text).map((statement) => `${file}: ${statement}`) : [];
  });
  expect(files.length).toBeGreaterThan(250);
  // Orders, not lengths: what a server says of itself, and the moments that lie before and after it.
  const allowed = ["test/server/rest/seeds.test.ts: expect(envelope.", "test/server/rest/fuzz-rest.ts: const seed ="];
  expect(found.filter((one) => !allowed.some((start) => one.startsWith(start)))).toEqual([]);
});

test("no test waits for a fixed time and then holds that something has happened", () => {
  const files = globSync("test/**/*.ts", { cwd: root }).filter((file) => file !== own);
  const found = files.flatMap((file) =>
    fixedWaitsIn(readFileSync(join(root, file), "utf8")).map((statement) => `${file}: ${statement}`),
  );
  // What has been seen before and must still be so: nothing more has come, nobody has ended.
  const allowed = [
    "test/connections/handlers/watch-connections.test.ts: expect(watches.map(",
    "test/connection-profiles/handlers/stream-connection-profile-test.test.ts: expect((await failureOf(",
    "test/database/embedded/start-embedded-postgres.test.ts: expect(isAlive(orphan))",
    'test/events/publisher/outbox-relay.test.ts: expect(await database.knex("event_cursor")',
    'test/interceptors/access-log.test.ts: expect(lines("call")).toHaveLength(count)',
    "test/server/rest/streams.test.ts: expect(given).toBe(stopped)",
  ];
  expect(found.filter((one) => !allowed.some((start) => one.startsWith(start)))).toEqual([]);
});

test.each([
  "await sleep(200);\n expect(seen).toEqual([1])",
  "await new Promise((resolve) => setTimeout(resolve, 50));\n await expect(call).resolves.toBe(1)",
])("%j waits a fixed time", (text) => {
  expect(fixedWaitsIn(`${text};\n`)).toHaveLength(1);
});

test.each([
  "await sleep(200);\n expect(seen).toEqual([])",
  "await sleep(200);\n expect(seen).not.toContain(1)",
  "await sleep(5);\n socket.write(byte)",
  "await expect.poll(() => seen).toEqual([1])",
])("%j does not", (text) => {
  expect(fixedWaitsIn(`${text};\n`)).toEqual([]);
});

test.each([
  "const began = performance.now()",
  "expect(Date.now() - Date.parse(at)).toBeLessThan(60_000)",
  "expect(took).toBeLessThan(900)",
  "expect(p99(life)).toBeLessThan(p99(alone) * 1.2 + 1)",
  "expect(line?.durationMs).toBeGreaterThan(0)",
  "expect( await expect(elapsed) ).toBeCloseTo(5)",
])("%j asserts one", (statement) => {
  expect(timesIn(`${statement};\n`)).toHaveLength(1);
});

test.each([
  "expect(calls).toHaveLength(3)",
  "await expect.poll(() => hole.open(), { timeout: 60_000 }).toBe(0)",
  "expect(statements.length).toBeLessThan(40)",
])("%j asserts none", (statement) => {
  expect(timesIn(`${statement};\n`)).toEqual([]);
});
