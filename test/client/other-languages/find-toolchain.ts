import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { MissingProgram } from "../../support/missing-program.ts";
import type { Language, Tool } from "./languages.ts";

/** What a language's tools say of their versions. Throws MissingProgram where one is missing. */
export async function findToolchain(language: Pick<Language, "name" | "needs">): Promise<string> {
  const found = await Promise.all(language.needs.map(async (tool) => ({ tool, version: await versionOf(tool) })));
  const missing = found.filter(({ version }) => version === undefined).map(({ tool }) => tool.install);
  if (missing.length === 0) return found.map(({ version }) => version).join("\n");
  throw new MissingProgram(`a client in ${language.name} needs ${missing.join(", ")}`);
}

async function versionOf({ command: [program, ...flags], version, atLeast }: Tool): Promise<string | undefined> {
  // Some answer on the error output.
  const said = await promisify(execFile)(program, flags).catch(() => undefined);
  if (said === undefined) return undefined;
  const text = `${said.stdout}${said.stderr}`;
  return Number(version.exec(text)?.[1] ?? -1) >= atLeast ? text : undefined;
}
