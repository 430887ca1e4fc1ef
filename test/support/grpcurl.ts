import { execFile } from "node:child_process";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

declare module "vitest" {
  interface ProvidedContext {
    /** The path of grpcurl; undefined where it cannot be built. */
    grpcurl: string | undefined;
  }
}

const run = promisify(execFile);
const version = "v1.9.3";
const cache = join(import.meta.dirname, "../../.cache", `grpcurl-${version}`);

/**
 * The path of a real grpcurl, built once with the Go toolchain into the cache; the global setup asks for it once in a
 * run. Undefined, with a line that says what is missing, on a machine without Go; an error there when
 * REQUIRE_GRPCURL is 1.
 */
export async function findGrpcurl(): Promise<string | undefined> {
  const binary = join(cache, "grpcurl");
  if (await exists(binary)) return binary;
  try {
    await run("go", ["version"]);
  } catch {
    const line = "grpcurl suite skipped: install Go 1.24 or newer, then run again";
    if (process.env.REQUIRE_GRPCURL === "1") throw new Error(line);
    process.stderr.write(`${line}\n`);
    return undefined;
  }
  process.stderr.write("building grpcurl, once: a minute or two\n");
  await mkdir(cache, { recursive: true });
  await run("go", ["install", `github.com/fullstorydev/grpcurl/cmd/grpcurl@${version}`], {
    env: { ...process.env, GOBIN: cache },
  });
  return binary;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
