import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyCheckout, npm } from "./install-client.ts";

let checkout: string;
beforeEach(async () => {
  checkout = await copyCheckout();
});
afterEach(() => rm(checkout, { recursive: true, force: true }));

const read = (name: string) => readFile(join(checkout, name), "utf8");
const both = () => Promise.all([read("package.json"), read("README.md")]);
const aside = () => existsSync(join(checkout, ".cache/packing"));

test("after packing the checkout is as it was", async () => {
  const before = await both();
  await npm(checkout, "pack", "--silent");
  expect(await both()).toEqual(before);
  expect(aside()).toBe(false);
});

test("an interruption is mended by the next packing, and by postpack", async () => {
  const before = await both();
  for (const mend of [
    ["pack", "--silent"],
    ["run", "postpack"],
  ]) {
    await npm(checkout, "run", "prepack");
    const [manifest, readme] = await both();
    expect(JSON.parse(manifest).dependencies).not.toHaveProperty("pg");
    expect(readme).toBe(await read("src/client/README.md"));
    expect(JSON.parse(manifest).scripts).toEqual(JSON.parse(before[0]).scripts);
    await npm(checkout, ...mend);
    expect(await both()).toEqual(before);
    expect(aside()).toBe(false);
  }
});

test("what somebody has changed or put back after an interruption stays", async () => {
  const [manifest, readme] = await both();
  await npm(checkout, "run", "prepack");
  await writeFile(join(checkout, "package.json"), manifest.replace("0.1.0", "0.2.0"));
  await npm(checkout, "run", "postpack");
  expect(await both()).toEqual([manifest.replace("0.1.0", "0.2.0"), readme]);
});

test("a client that does not compile is not packed, and nothing has changed", async () => {
  const before = await both();
  await writeFile(join(checkout, "src/client/default-deadline.ts"), `export const limitCalls: number = "no";\n`);
  await expect(npm(checkout, "pack", "--silent")).rejects.toThrow("the client does not compile");
  expect(await both()).toEqual(before);
});
