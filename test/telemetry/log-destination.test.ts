import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, read, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { openLogDestination } from "../../src/telemetry/log-destination.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-log-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const text = "x".repeat(1000);

test("a pipe that nobody reads: lines are kept, then lost and counted, and one line says so when it is read again", async () => {
  execFileSync("mkfifo", [join(folder, "pipe")]);
  const filled = openSync(join(folder, "pipe"), constants.O_RDWR | constants.O_NONBLOCK);
  expect(() => {
    for (;;) writeSync(filled, "\n".repeat(4096));
  }).toThrow("EAGAIN");
  const fd = openSync(join(folder, "pipe"), constants.O_RDWR);
  const recovered: number[] = [];
  const destination = openLogDestination(fd, (lines) => recovered.push(lines), { keptBytes: 20_000 });
  const log = pino({}, destination);
  for (let line = 0; line < 100; line += 1) log.info({ line }, text);
  log.fatal({}, text);
  expect(await destination.flush()).toBe("stuck");
  const lost = destination.lost();
  expect(lost).toBeGreaterThan(0);
  expect(recovered).toEqual([]);

  let output = "";
  const buffer = Buffer.alloc(65_536);
  const lines = () => output.split("\n").filter((line) => line !== "");
  while (lines().length < 101 - lost || !output.endsWith("\n")) {
    const { bytesRead } = await promisify(read)(fd, buffer, 0, buffer.length, null);
    output += buffer.toString("utf8", 0, bytesRead);
  }
  const written = lines().map((line) => JSON.parse(line).line as number);
  expect(written).toEqual(Array.from({ length: 101 - lost }, (_, line) => line)); // whole, in order, the oldest
  await expect.poll(() => recovered).toEqual([lost]);
  log.info("again");
  expect(await destination.flush()).toBe("written");
  expect(destination.lost()).toBe(lost);
  closeSync(fd);
  closeSync(filled);
});

test("a full disk: lines are kept, then lost and counted, and nothing waits for it", async () => {
  const fd = openSync("/dev/full", "w");
  const destination = openLogDestination(fd, () => {}, { keptBytes: 20_000 });
  const log = pino({}, destination);
  for (let line = 0; line < 100; line += 1) log.info({ line }, text);
  log.fatal({}, text);
  expect(await destination.flush()).toBe("refused");
  expect(destination.lost()).toBeGreaterThan(0);
  // Not closed: what is kept is tried again every second, and by then the number may be another file's, or a socket.
});
