import { setPriority } from "node:os";
import type { Attack, AttackTarget } from "./attack.ts";
import { http1Attacks } from "./http1-attacks.ts";
import { http2Attacks } from "./http2-attacks.ts";
import { slowKeyAttacks } from "./slow-key-attacks.ts";

// A process of attackers, below everything else on the machine: what it shows is the server's work, not its own. It writes how
// their calls ended: {"ATTACK": {"STATUS": COUNT}}.
// node attack-process.ts NAMES TARGET SECONDS
const [, , names = "", target = "{}", seconds = "0"] = process.argv;
setPriority(19);
process.on("uncaughtException", () => undefined); // sockets that the server has cut off
const attacks: Readonly<Record<string, Attack>> = { ...http1Attacks, ...http2Attacks, ...slowKeyAttacks };
const signal = AbortSignal.timeout(Number(seconds) * 1000);
const ended: Record<string, Record<string, number>> = {};
await Promise.allSettled(
  names.split(",").map((name) => {
    const counts: Record<string, number> = {};
    ended[name] = counts;
    return attacks[name]?.(JSON.parse(target) as AttackTarget, signal, (status) => {
      counts[status] = (counts[status] ?? 0) + 1;
    });
  }),
);
process.stdout.write(JSON.stringify(ended), () => process.exit(0));
