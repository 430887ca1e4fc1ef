import { MissingProgram } from "./find-program.ts";

/**
 * A running server for a test file, or undefined on a machine that lacks it: such a file says
 * `describe.skipIf(server === undefined)` and stops the server in `afterAll`. With REQUIRE_SERVERS=1 what is missing
 * is a failure.
 *
 * A start that fails is tried once more: between the moment a port was found free and the server's start, a test
 * running beside can have taken it.
 */
export async function serverForTests<Server, Options extends unknown[]>(
  start: (...options: Options) => Promise<Server>,
  ...options: Options
): Promise<Server | undefined> {
  try {
    return await start(...options);
  } catch (error) {
    if (!(error instanceof MissingProgram)) {
      process.stderr.write(`${start.name} failed and is tried again: ${String(error)}\n`);
      return start(...options);
    }
    if (process.env.REQUIRE_SERVERS === "1") throw error;
    process.stderr.write(`Tests are skipped: ${error.message}. REQUIRE_SERVERS=1 makes this a failure.\n`);
    return undefined;
  }
}
