/** Each many times the one before, in milliseconds. */
const deadlines = [3000, 12_000, 48_000];
const longest = 150_000;

/**
 * Runs what its own deadline has to end: again with a longer one for as long as this machine was too busy for it to get as far
 * as a test is about. A rejection has not got anywhere. What comes of the longest deadline is taken as it is.
 */
export async function endedByDeadline<T>(
  run: (deadlineMs: number) => Promise<T>,
  gotFarEnough: (outcome: T) => boolean,
): Promise<T> {
  for (const deadlineMs of deadlines) {
    const outcome = await run(deadlineMs).catch(() => undefined);
    if (outcome !== undefined && gotFarEnough(outcome)) return outcome;
  }
  return run(longest);
}
