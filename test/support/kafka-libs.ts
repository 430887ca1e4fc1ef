import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { MissingProgram } from "./missing-program.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const pom = join(import.meta.dirname, "kafka/pom.xml");

/**
 * The folder with the jars of the Kafka broker named in kafka/pom.xml, fetched with Maven once (about 45 MB, 15 s)
 * and kept in `.cache`. Throws MissingProgram on a machine without Java or Maven.
 */
export async function kafkaLibs(): Promise<string> {
  await needJava17();
  const version = /<kafka\.version>(.+)<\/kafka\.version>/.exec(await readFile(pom, "utf8"))?.[1];
  if (version === undefined) throw new Error(`${pom} names no kafka.version`);
  const libs = join(root, ".cache", `kafka-${version}`, "libs");
  if (!existsSync(libs)) await fetchLibs(libs);
  return libs;
}

async function needJava17(): Promise<void> {
  // `java -version` answers on stderr: openjdk version "17.0.15" …
  const { stderr } = await run("java", ["-version"]).catch(() => ({ stderr: "" }));
  const major = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
  if (major < 17)
    throw new MissingProgram(
      "Kafka needs Java 17 or newer on the PATH (Debian: apt-get install openjdk-17-jre-headless)",
    );
}

/** Two processes may do this at once: each copies into a folder of its own, the first to rename wins. */
async function fetchLibs(libs: string): Promise<void> {
  await mkdir(dirname(libs), { recursive: true });
  const fresh = await mkdtemp(`${libs}-`);
  try {
    const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${fresh}`];
    await run("mvn", ["-q", "-B", "-f", pom, ...goal]);
    await rename(fresh, libs);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (existsSync(libs)) return;
    if (isMissing(error)) throw new MissingProgram("Kafka needs Maven on the PATH (Debian: apt-get install maven)");
    throw new Error(`Maven could not fetch Kafka: ${outputOf(error)}`);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function outputOf(error: unknown): string {
  return error instanceof Error && "stdout" in error ? `${error.stdout}`.slice(0, 500) : String(error);
}
