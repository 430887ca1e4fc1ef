import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { goProgram, goPrograms } from "../support/servers/go-program.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

/** What one run of the suite is made of. */
export interface SuiteRun {
  /** One of the servers of serve.ts. */
  readonly server: string;
  /** The file of features that are tested, in this folder. */
  readonly features: string;
  /** More arguments for connectconformance, such as `--skip`. */
  readonly options?: readonly string[];
}

/** The suite, built with Go, and its messages. Throws MissingProgram on a machine without Go. */
export async function openSuite(): Promise<(of: SuiteRun) => Promise<{ passed: boolean; output: string }>> {
  const program = await goProgram(goPrograms.connectconformance);
  const descriptors = await describeMessages(program);
  return async ({ server, features, options = [] }) => {
    const file = join(import.meta.dirname, features);
    const limits = ["--max-servers", "2", "--parallel", "4"];
    const command = [process.execPath, join(import.meta.dirname, "serve.ts"), server, descriptors];
    const flags = ["--mode", "server", "--conf", file, ...limits, ...options, "--", ...command];
    return run(program, flags, { maxBuffer: 2 ** 26 }).then(
      ({ stdout, stderr }) => ({ passed: true, output: stdout + stderr }),
      ({ stdout = "", stderr = "" }) => ({ passed: false, output: `${stdout}${stderr}` }),
    );
  };
}

/** A descriptor set of the .proto files that came with the suite's module, made once, beside the program. */
async function describeMessages(program: string): Promise<string> {
  const { module, version } = goPrograms.connectconformance;
  const file = join(dirname(program), "conformance.binpb");
  if (existsSync(file)) return file;
  const name = module.split("/").slice(0, 2).join("/");
  const { stdout } = await run("go", ["mod", "download", "-json", `${name}@${version}`], { cwd: dirname(program) });
  const { Dir: folder } = JSON.parse(stdout) as { Dir: string };
  const fresh = await mkdtemp(join(dirname(program), "messages-"));
  const made = join(fresh, "conformance.binpb");
  const buf = join(root, "node_modules/.bin/buf");
  await run(buf, ["build", join(folder, "proto"), "--exclude-source-info", "--output", made], { cwd: root });
  await rename(made, file);
  await rm(fresh, { recursive: true, force: true });
  return file;
}
