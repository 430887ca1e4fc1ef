import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Failures, failuresBeyond, readReport } from "./read-report.ts";
import { openSuite, type SuiteRun } from "./run-suite.ts";

const run = await openSuite();

/** A port of the service, and the library that it is built on, by itself. */
const ports = [
  { service: "connectory-grpc", library: "bare-grpc-js", features: "grpc.yaml", hangs: [] },
  {
    service: "connectory-http",
    library: "bare-connect",
    features: "http.yaml",
    // The library leaves the connection open and dead, and the suite's client waits for it until the run is given up.
    hangs: ["Server Message Size/HTTPVersion:1/**/request-exceeds-server-limit"],
  },
];

/** In what the service differs from the libraries by intention. */
const intended = [
  // Every error has google.rpc details, of which the suite's client knows nothing.
  /^actual error contain N details; expecting N$/,
  /could not check debug data because message type "google\.rpc\.\w+" could not be resolved/,
  // The limit holds for answers too, and the service says so in its own words.
  /^code:CODE_RESOURCE_EXHAUSTED\s+message:"the answer is larger than N bytes/,
  // grpc-js pads them, and its own errors have none.
  /^trailers include 'grpc-status-details-bin' value with padding/,
];

const fileOf = (name: string) => join(import.meta.dirname, name);
/** What fails twice: a deadline of a few hundred milliseconds can pass by itself on a machine with other work. */
async function failuresOf(of: SuiteRun): Promise<Failures> {
  const first = readReport((await run(of)).output);
  if (first.size === 0) return first;
  const again = [...first.keys()].flatMap((name) => ["--run", name]);
  return readReport((await run({ ...of, options: again })).output);
}

describe.each(ports)("$service", ({ service, library, features, hangs }) => {
  const skip = hangs.flatMap((pattern) => ["--skip", pattern]);

  test(`${library}: what fails by itself is what is known to`, { timeout: 600_000 }, async () => {
    const [failing = "", flaky = ""] = ["failing", "flaky"].map((kind) => `@${fileOf(`${library}.known-${kind}.txt`)}`);
    const of = { server: library, features, options: [...skip, "--known-failing", failing, "--known-flaky", flaky] };
    const first = await run(of);
    const { passed, output } = first.passed ? first : await run(of);
    expect([passed, Object.fromEntries(readReport(output))]).toEqual([true, {}]);
  });

  test("fails nothing that the library passes", { timeout: 600_000 }, async () => {
    const known = await failuresOf({ server: library, features, options: skip });
    const failures = await failuresOf({ server: service, features });
    expect(Object.fromEntries(failuresBeyond(failures, known, intended))).toEqual({});
  });
});
