import { expect, test } from "vitest";
import { isKnown, readFile, startCommand } from "./read-deploy.ts";

const unit = readFile("deploy/connectory.service");
const valuesOf = (key: string) =>
  [...unit.matchAll(new RegExp(`^#?${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);

test("the unit runs what npm start runs, and leaves a stop the time that it may take", () => {
  const [node, ...rest] = startCommand;
  expect(valuesOf("ExecStart")).toEqual([["/usr/bin/node", ...rest].join(" ")]);
  expect(node).toBe("node");
  expect(valuesOf("KillMode")).toEqual(["mixed"]);
  expect(Number(valuesOf("TimeoutStopSec")[0])).toBeGreaterThan(30);
});

test("its variables are settings, those that it suggests too", () => {
  const names = valuesOf("Environment").flatMap((value) => value.split(" ").map((pair) => pair.replace(/=.*/, "")));
  expect(names).toContain("DATABASE_URL_FILE");
  expect(names.filter((name) => name !== "NODE_ENV" && !isKnown(name))).toEqual([]);
});
