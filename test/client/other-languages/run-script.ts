import { spawn } from "node:child_process";
import { once } from "node:events";

/** Where and how long a script may run. */
interface ScriptOptions {
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly seconds: number;
  /** What it reads. Default: nothing. */
  readonly input?: string;
}

/** Runs lines of the documentation in bash; answers with what they print. Throws with all of it when one fails. */
export async function runScript(script: string, { cwd, env, seconds, input = "" }: ScriptOptions): Promise<string> {
  // A group of its own, so that what it started ends with it.
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  child.stdin.on("error", () => undefined); // of a script that ends without reading
  child.stdin.end(input);
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const end = () => child.pid !== undefined && process.kill(-child.pid, "SIGKILL");
  const timer = setTimeout(end, seconds * 1000);
  process.once("exit", end);
  const [code] = await once(child, "close").finally(() => {
    clearTimeout(timer);
    process.off("exit", end);
  });
  if (code !== 0) throw new Error(`ended with ${code ?? `a kill after ${seconds} s`}:\n${script}\n${errors}${output}`);
  return output;
}
