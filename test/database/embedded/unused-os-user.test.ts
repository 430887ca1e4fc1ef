import { expect, test } from "vitest";
import { hasName, idleNamedOsUser, unusedRange } from "../../../src/database/embedded/unused-os-user.ts";

const whole = "         0          0 4294967295\n";
const container = "         0     100000      65536\n";
const rootless = "         0       1000          1\n         1     100000      65536\n";
const rootAlone = "         0       1000          1\n";

test.each([
  ["the machine itself", [whole, whole], 1_879_048_192],
  ["a container of 65536 users", [container, container], 65_520],
  ["a container without root's own container", [rootless, rootless], 65_520],
  ["users without their groups", [whole, container], 65_520],
  ["root and nobody else", [rootAlone, rootAlone], 65_534],
])("in a user namespace with %s a number that is mapped is taken", (_name, maps, first) => {
  expect(unusedRange(maps).first).toBe(first);
});

test.skipIf(process.platform !== "linux")("initdb runs as a user that has a name and is not root (Linux)", async () => {
  const { uid, gid } = await idleNamedOsUser();
  expect(uid).toBeGreaterThan(0);
  expect(gid).toBeGreaterThan(0);
  expect(await hasName(uid)).toBe(true);
  expect(await hasName(unusedRange([whole]).first)).toBe(false);
});
