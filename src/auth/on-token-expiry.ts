/** The longest sleep, in milliseconds: a clock that is set meanwhile is noticed then, and timers cannot wait for years. */
const longestMs = 60_000;

/** Runs something once, when the wall clock has come to a token's expiry. Returns the function that prevents it. */
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
