import { fork } from "node:child_process";
import { once } from "node:events";
import type { Offer, Offered } from "./offer.ts";

/** Makes the calls in a process of their own, whose priority is below everything else's unless it is said otherwise (0). */
export async function runOffer(offer: Offer, priority = 10): Promise<Offered> {
  const child = fork(new URL("offer-process.ts", import.meta.url), [JSON.stringify(offer), `${priority}`]);
  const [report] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => {
      throw new Error("a process that makes calls ended");
    }),
  ])) as [Offered];
  return report;
}
