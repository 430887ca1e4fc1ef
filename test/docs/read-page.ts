import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** A fenced block of a page: ```` ```<language> <info> ````. */
export interface Fence {
  readonly page: string;
  readonly language: string;
  /** The rest of the opening, such as the name of a file. */
  readonly info: string;
  /** Without the indent of the block. */
  readonly text: string;
}

/** Every page of documentation, as a path from the root. */
export const pages: readonly string[] = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  ...globSync("docs/**/*.md", { cwd: root }).toSorted(),
  "src/client/README.md",
];

/** The text of a page. */
export function readPage(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** The fenced blocks of a page, in order. */
export function fencesOf(page: string): Fence[] {
  return [...readPage(page).matchAll(/^( *)```(\S*) ?(.*)\n([\s\S]*?)^\1```$/gm)].map(
    ([, indent = "", language = "", info = "", text = ""]) => ({
      page,
      language,
      info,
      text: text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    }),
  );
}

/** The text of a page without what is fenced. */
export function proseOf(page: string): string {
  return readPage(page).replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "");
}

/** The rows of the first table below a heading, without the headings of its columns, as their cells. */
export function tableBelow(page: string, heading: string): string[][] {
  const section =
    readPage(page)
      .split(/^#+ /m)
      .find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return tableRows(section);
}

/** The rows of the first table of a text, without the headings of its columns, as their cells. */
export function tableRows(text: string): string[][] {
  const [table = ""] = /^\|.*\n\|[-| ]+\|\n(?:\|.*\n?)+/m.exec(text) ?? [];
  return table
    .trimEnd()
    .split("\n")
    .slice(2)
    .map((row) =>
      row
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

/** The names in backticks of a text. */
export const namesIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
