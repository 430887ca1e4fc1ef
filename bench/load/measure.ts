/** What one slice of load came to. */
export interface Measure {
  /** Answers per second inside the measured window. */
  readonly perSecond: number;
  /** Median time from question to answer, in milliseconds. */
  readonly p50Ms: number;
  /** 99th percentile of the same, in milliseconds. */
  readonly p99Ms: number;
  /** Every acknowledged call of the slice, those of the warm-up and of the end too. */
  readonly acknowledged: number;
  /** CPU time that our load process took for a call, in µs; absent where another program made the load. */
  readonly loadCpuUs?: number;
}

/** Sums up the latencies (milliseconds, any order) of the calls that were answered inside a window of `windowMs`. */
export function measure(latenciesMs: number[], windowMs: number, acknowledged: number): Measure {
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { perSecond: (sorted.length * 1000) / windowMs, p50Ms: at(0.5), p99Ms: at(0.99), acknowledged };
}
