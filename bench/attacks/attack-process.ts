import { setPriority } from "node:os";
import type { Attack, AttackTarget } from "./attack.ts";
import { http1Attacks } from "./http1-attacks.ts";
import { http2Attacks } from "./http2-attacks.ts";

// A process of attackers, below everything else on the machine: what it shows is the server's work, not its own.
// node attack-process.ts NAMES TARGET SECONDS
const [, , names = "", target = "{}", seconds = "0"] = process.argv;
setPriority(10);
process.on("uncaughtException", () => undefined); // sockets that the server has cut off
const attacks: Readonly<Record<string, Attack>> = { ...http1Attacks, ...http2Attacks };
const signal = AbortSignal.timeout(Number(seconds) * 1000);
await Promise.allSettled(names.split(",").map((name) => attacks[name]?.(JSON.parse(target) as AttackTarget, signal)));
process.exit(0);
