/**
 * A running server for a test file, which stops it in `afterAll`. Throws MissingProgram on a machine that lacks it.
 *
 * A start that fails is tried once more: between the moment a port was found free and the server's start, a test
 * running beside can have taken it.
 */
export async function serverForTests<Server, Options extends unknown[]>(
  start: (...options: Options) => Promise<Server>,
  ...options: Options
): Promise<Server> {
  try {
    return await start(...options);
  } catch (error) {
    process.stderr.write(`${start.name} failed and is tried again: ${String(error)}\n`);
    return start(...options);
  }
}
