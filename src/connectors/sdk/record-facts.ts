import { type Probe, ProbeError, type Step } from "./connector.ts";

/** A fact's name, and the query whose value it is. */
export type FactQuery = readonly [name: string, sql: string];

/** Returns the value of a query: null when there is none, undefined when the server does not know the query. */
export type ReadFact = (sql: string) => Promise<unknown>;

/**
 * Runs queries as one step and records their values as facts; absent ones are skipped. A query that the server does not know
 * costs its fact: systems that share a protocol lack some of its functions and settings. When the server knows none of them, the
 * step is a warning. Rejects with a ProbeError for any other error.
 */
export async function recordFacts(
  { read, step }: { readonly read: ReadFact; readonly step: Step },
  queries: readonly FactQuery[],
  probe: Probe,
): Promise<void> {
  try {
    await probe.step(step, async () => {
      let known = 0;
      for (const [name, sql] of queries) {
        const value = await read(sql);
        if (value === undefined) continue;
        known += 1;
        if (value !== null) probe.fact(name, String(value));
      }
      if (known === 0) throw new ProbeError("COMMAND_REFUSED", similar, "host");
    });
  } catch (error) {
    if (!(error instanceof ProbeError) || error.code !== "COMMAND_REFUSED") throw error;
    probe.downgradeToWarning(step.endpoint);
  }
}

const similar =
  "the server lets the user in and knows none of the questions of this test: it is a similar system, or a proxy";
