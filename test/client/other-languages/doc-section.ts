import { readFile } from "node:fs/promises";
import { join } from "node:path";

const page = await readFile(join(import.meta.dirname, "../../../docs/clients-other-languages.md"), "utf8");

/** What a section of docs/clients-other-languages.md has in its fences, in order. */
export interface DocSection {
  /** What to type into a shell. */
  readonly commands: readonly string[];
  /** Pieces of programs. */
  readonly excerpts: readonly string[];
}

export function docSection(heading: string): DocSection {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  const fences = [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, kind = "", text = ""]) => ({ kind, text }));
  return {
    commands: fences.filter(({ kind }) => kind === "sh").map(({ text }) => text),
    excerpts: fences.filter(({ kind }) => kind !== "sh").map(({ text }) => text),
  };
}
