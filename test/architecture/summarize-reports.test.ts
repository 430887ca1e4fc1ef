import { expect, test } from "vitest";
import { summarizeReports, type TestReport } from "../support/summarize-reports.ts";

const suite = (name: string, ms: number, status = "passed", tests = 1): TestReport["testResults"][number] => ({
  name: `${process.cwd()}/test/${name}.test.ts`,
  status,
  startTime: 1000,
  endTime: 1000 + ms,
  assertionResults: Array.from({ length: tests }),
});
const report = (testResults: TestReport["testResults"], counts: Partial<TestReport> = {}): TestReport => ({
  success: true,
  numPassedTests: 0,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults,
  ...counts,
});

test("two runs are counted together, and the ten slowest suites of both are named", () => {
  const first = report(
    Array.from({ length: 9 }, (_, index) => suite(`quick-${index}`, index)),
    { numPassedTests: 9, numPendingTests: 2, numTodoTests: 1 },
  );
  const second = report([suite("slow", 12_345), suite("slower", 23_456)], { numPassedTests: 2, numFailedTests: 1 });
  const lines = summarizeReports([first, second]).split("\n");
  expect(lines.slice(0, 3)).toEqual([
    "The ten slowest suites:",
    "   23.5 s  test/slower.test.ts",
    "   12.3 s  test/slow.test.ts",
  ]);
  expect(lines).toHaveLength(12);
  expect(lines.at(-1)).toBe("11 passed, 1 failed, 3 skipped");
});

test("a suite that could not be loaded has failed", () => {
  const lines = summarizeReports([
    report([suite("no-kafka", 5, "failed", 0), suite("fine", 5)], { numPassedTests: 1 }),
  ]);
  expect(lines.split("\n").at(-1)).toBe("1 passed, 1 failed, 0 skipped");
});
