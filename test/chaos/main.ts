import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runChaos } from "./run-chaos.ts";

/** How soon after a cure every server has to serve again, in seconds. */
const bar = 40;

const print = (line: string) => void process.stdout.write(`${line}\n`);

function readOptions() {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: String(randomInt(1, 2 ** 31)) },
      rounds: { type: "string", default: "20" },
      hold: { type: "string", default: "5" },
      only: { type: "string", default: "" },
    },
  });
  const [seed, rounds, hold] = [values.seed, values.rounds, values.hold].map(Number);
  if (!Number.isInteger(seed) || !Number.isInteger(rounds) || !(Number(rounds) > 0) || !(Number(hold) >= 1))
    throw new Error("usage: npm run chaos -- [--seed N] [--rounds N] [--hold SECONDS] [--only FAULT,FAULT]");
  const only = values.only.split(",").filter((name) => name !== "");
  return { seed: Number(seed), rounds: Number(rounds), longestHoldMs: Number(hold) * 1000, only };
}

const options = readOptions();
print(`seed ${options.seed}, ${options.rounds} rounds`);
const interrupted = new AbortController();
process.once("SIGINT", () => {
  print("ending after this round; once more ends at once and leaves processes behind");
  interrupted.abort();
});
const report = await runChaos({ ...options, print, signal: interrupted.signal });
for (const { kind, what } of report.findings.slice(0, 50)) print(`${kind}: ${what}`);
const slowest = Math.max(0, ...report.recoveries) / 1000;
print(
  `${report.recoveries.length} rounds with seed ${options.seed}: ${report.findings.length} things wrong; ` +
    `${report.acknowledged} writes acknowledged, ${report.events} events, ${report.messages} messages on Kafka, ` +
    `${report.watchStreams} streams of watches; serving again after ${slowest.toFixed(1)} s at most (bar ${bar} s)`,
);
if (report.logs !== undefined) print(`the logs are in ${report.logs}`);
process.exit(report.findings.length === 0 && slowest <= bar ? 0 : 1);
