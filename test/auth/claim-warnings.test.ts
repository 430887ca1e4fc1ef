import { createNoopMeter } from "@opentelemetry/api";
import { pino } from "pino";
import { expect, test } from "vitest";
import { createClaimWarnings } from "../../src/auth/claim-warnings.ts";

test("each kind has one line a minute, which says how many tokens there were", () => {
  const lines: string[] = [];
  let now = 0;
  const report = createClaimWarnings({
    log: pino({}, { write: (line: string) => void lines.push(line) }),
    meter: createNoopMeter(),
    names: { organization: "org", roles: "realm_access.roles" },
    now: () => now,
  });
  const said = () =>
    lines.splice(0).map((line) => {
      const { level, claim, fault, tokens } = JSON.parse(line) as Record<string, unknown>;
      return [level, claim, fault, tokens];
    });
  for (let token = 0; token < 1000; token += 1) report("roles absent");
  report("organization unusable");
  report("roles unknown");
  expect(said()).toEqual([
    [40, "realm_access.roles", "absent", 1],
    [40, "org", "unusable", 1],
    [30, "realm_access.roles", "unknown", 1],
  ]);
  now = 59_999;
  report("roles absent");
  expect(said()).toEqual([]);
  now = 60_000;
  report("roles absent");
  expect(said()).toEqual([[40, "realm_access.roles", "absent", 1001]]);
});
