import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { MissingProgram } from "../missing-program.ts";
import { findProgram } from "./find-program.ts";

const cache = join(import.meta.dirname, "../../../.cache");

interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
}

/** Build times on two cores with nothing else to do; the modules are fetched first. */
export const goPrograms = {
  /** Half a minute. */
  connectconformance: {
    name: "connectconformance",
    module: "connectrpc.com/conformance/cmd/connectconformance",
    version: "v1.0.7",
  },
  /** A minute. */
  grpcurl: { name: "grpcurl", module: "github.com/fullstorydev/grpcurl/cmd/grpcurl", version: "v1.9.3" },
  /** 36 s. */
  natsServer: { name: "nats-server", module: "github.com/nats-io/nats-server/v2", version: "v2.15.2" },
  /** 95 s. MinIO takes 217 s, and cannot be told of its users before it runs. */
  versitygw: { name: "versitygw", module: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0" },
} satisfies Record<string, GoProgram>;

/** The path of a program built with Go, once, into `.cache`. Throws MissingProgram on a machine without Go. */
export async function goProgram({ name, module, version }: GoProgram): Promise<string> {
  const folder = join(cache, `${name}-${version}`);
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const go = findGo(name);
  process.stderr.write(`building ${name} ${version}, once: a minute or two\n`);
  await mkdir(dirname(folder), { recursive: true });
  // Two processes may do this at once: each builds into a folder of its own, the first to rename wins.
  const fresh = await mkdtemp(`${folder}-`);
  try {
    const env = { ...process.env, GOBIN: fresh };
    await promisify(execFile)(go, ["install", `${module}@${version}`], { env, maxBuffer: 2 ** 26 });
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  }
  return path;
}

function findGo(name: string): string {
  try {
    return findProgram("go", "golang-go");
  } catch {
    throw new MissingProgram(`${name} cannot be built: Go 1.25 or newer is not on the PATH`);
  }
}
