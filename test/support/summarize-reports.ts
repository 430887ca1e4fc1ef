import { readFileSync } from "node:fs";
import { relative } from "node:path";

/** What vitest's JSON reporter says of a run, as far as it is read here. */
export interface TestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly unknown[];
  }[];
}

/** The ten slowest suites (test files) of some runs, and as the last line the counts of all of them together. */
export function summarizeReports(reports: readonly TestReport[]): string {
  const suites = reports.flatMap(({ testResults }) => testResults);
  const slowest = suites
    .map(({ name, startTime, endTime }) => ({ name: relative(process.cwd(), name), ms: endTime - startTime }))
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, 10)
    .map(({ name, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${name}`);
  const sum = (count: (report: TestReport) => number) => reports.reduce((total, report) => total + count(report), 0);
  // A suite that cannot even be loaded, because a program is missing for example, has no tests that could fail.
  const notLoaded = suites.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  const passed = sum((report) => report.numPassedTests);
  const failed = sum((report) => report.numFailedTests) + notLoaded.length;
  const skipped = sum((report) => report.numPendingTests + report.numTodoTests);
  return ["The ten slowest suites:", ...slowest, `${passed} passed, ${failed} failed, ${skipped} skipped`].join("\n");
}

if (import.meta.main) {
  const reports = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")) as TestReport);
  process.stdout.write(`${summarizeReports(reports)}\n`);
  if (reports.some(({ success }) => !success)) process.exitCode = 1;
}
