import { setPriority } from "node:os";
import { type Offer, offer } from "./offer.ts";

// A process that makes calls, below everything else on the machine unless its caller is the one who is watched.
// node offer-process.ts OFFER PRIORITY
const [, , order = "{}", priority = "10"] = process.argv;
setPriority(Number(priority));
process.send?.(await offer(JSON.parse(order) as Offer));
process.disconnect?.();
process.exit(0);
