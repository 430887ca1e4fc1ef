/** The longest timer, in milliseconds: a change of the clock is noticed after it, and timers cannot last for years. */
const longestMs = 60_000;

/**
 * Runs a function once, when the wall clock has reached `expiresAt` (milliseconds since 1970). Returns the function that
 * cancels it.
 */
export function onTokenExpiry(expiresAt: number, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  const look = () => {
    const left = expiresAt - Date.now();
    if (left <= 0) return run();
    timer = setTimeout(look, Math.min(left, longestMs)).unref();
  };
  timer = setTimeout(look, 0).unref();
  return () => clearTimeout(timer);
}
