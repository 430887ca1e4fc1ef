import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Compare } from "../compare.ts";
import { type Connectory, startConnectory } from "../start-connectory.ts";
import type { AttackTarget } from "./attack.ts";
import { http1Attacks } from "./http1-attacks.ts";
import { http2Attacks } from "./http2-attacks.ts";
import { slowKeyAttacks } from "./slow-key-attacks.ts";
import { callSteadily, type Seen } from "./steady-caller.ts";

/** Each is a process. */
const groups = [http1Attacks, http2Attacks, slowKeyAttacks];
const attackNames: readonly string[] = groups.flatMap(Object.keys);

const seconds = { alone: 20, attacked: 60, after: 60 };

/**
 * All attacks that are named in `chosen`, or whose names begin so, at once, beside a caller who does nothing wrong. Its p99 may be three times what
 * it is alone and 50 ms; the memory is to be back within 1.3 of what it was after a minute.
 */
export const measureAttacks =
  (chosen: readonly string[]): Compare =>
  async ({ folder, stack, say }) => {
    const names = attackNames.filter((name) => chosen.some((one) => isMeant(name, one)));
    if (names.length === 0) throw new Error(`no attack of that name: there are ${attackNames.join(" ")}`);
    const server = await startConnectory(`${folder}/attacks`, { LOG_LEVEL: "error" });
    stack.defer(server.stop);
    return attack(server, names, say);
  };

/** A whole name means that attack alone, though others begin with it. */
function isMeant(name: string, chosen: string): boolean {
  return attackNames.includes(chosen) ? name === chosen : name.startsWith(chosen);
}

async function attack(server: Connectory, names: readonly string[], say: (line: string) => void) {
  const { grpcPort, httpPort, token } = server;
  const target: AttackTarget = { grpcPort, httpPort, token: await server.issueToken("attackers") };
  const caller = { ...target, token };
  await callSteadily(caller, 10); // warm
  say(`alone, ${seconds.alone} s`);
  const alone = await callSteadily(caller, seconds.alone);
  const before = await rssOf(server.pid);
  let peak = before;
  const look = setInterval(() => {
    rssOf(server.pid).then(
      (rss) => {
        peak = Math.max(peak, rss);
      },
      () => undefined,
    );
  }, 250);
  say(`${names.length} attacks at once, ${seconds.attacked} s: ${names.join(" ")}`);
  const ended = groups.map((of) =>
    startAttackers(
      names.filter((name) => name in of),
      target,
    ),
  );
  const attacked = await callSteadily(caller, seconds.attacked);
  for (const [name, statuses] of Object.entries(Object.assign({}, ...(await Promise.all(ended))))) {
    say(`  ${name}: ${JSON.stringify(statuses)}`);
  }
  say(`after, ${seconds.after} s`);
  await sleep(seconds.after * 1000);
  clearInterval(look);
  const after = await rssOf(server.pid);
  return report(alone, attacked, { before, peak, after });
}

/** Resolves with how the calls of each ended, when all are over. */
async function startAttackers(names: readonly string[], target: AttackTarget): Promise<Record<string, unknown>> {
  if (names.length === 0) return {};
  const command = ["bench/attacks/attack-process.ts", names.join(), JSON.stringify(target), `${seconds.attacked}`];
  const attackers = spawn(process.execPath, command, {
    cwd: new URL("../..", import.meta.url),
    stdio: ["ignore", "pipe", "ignore"],
  });
  const late = setTimeout(() => attackers.kill("SIGKILL"), (seconds.attacked + 5) * 1000);
  const said = await text(attackers.stdout).catch(() => "");
  clearTimeout(late);
  return said === "" ? { [names.join(" ")]: "ended by force" } : JSON.parse(said);
}

function report(
  alone: Record<string, Seen>,
  attacked: Record<string, Seen>,
  rss: { before: number; peak: number; after: number },
): { line: string; met: boolean } {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const mb = (value: number) => `${Math.round(value / 1e6)} MB`;
  let met = rss.after <= rss.before * 1.3;
  const rows = Object.entries(alone).map(([name, { p99 }]) => {
    const under = attacked[name] ?? { calls: 0, failed: 0, p99: Number.POSITIVE_INFINITY };
    const good = under.p99 <= 3 * p99 + 50 && under.failed === 0;
    met &&= good;
    return `| ${name} | ${ms(p99)} | ${ms(under.p99)} | ${ms(3 * p99 + 50)} | ${under.failed} of ${under.calls} | ${good ? "met" : "missed"} |`;
  });
  const line = [
    "| caller | p99 alone | p99 attacked | at most | failed | bar |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
    `RSS ${mb(rss.before)} before, ${mb(rss.peak)} at its peak, ${mb(rss.after)} a minute after (at most ${mb(rss.before * 1.3)}: ${rss.after <= rss.before * 1.3 ? "met" : "missed"})`,
  ].join("\n");
  return { line, met };
}

/** In bytes; of the main process, in which calls are answered. */
async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
