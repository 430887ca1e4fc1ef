import { readFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { secretSettings, settings } from "../../src/config/settings.ts";

const root = join(import.meta.dirname, "../..");

/** The text of a file, by its path from the root. */
export const readFile = (file: string): string => readFileSync(join(root, file), "utf8");

/** What `npm start` runs: the program and its arguments. */
export const startCommand: readonly string[] = packageJson.scripts.start.replace(/^exec /, "").split(" ");

/** Whether the service reads a variable. */
export function isKnown(name: string): boolean {
  return settings.some((one) => one.name === name) || secretSettings.some((one) => `${one}_FILE` === name);
}

/** An instruction of a Dockerfile, with its continued lines as one. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of the last stage, the one that becomes the image. */
export function lastStage(): readonly Instruction[] {
  const lines = readFile("Dockerfile")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .replaceAll(/\s*\\\n\s*/g, " ")
    .split("\n")
    .filter((line) => line !== "");
  const instructions = lines.map((line) => ({ name: line.split(" ")[0] ?? "", text: line.replace(/^\S+ /, "") }));
  return instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));
}

/** The variables of the image. */
export function imageEnvironment(): Record<string, string> {
  const texts = lastStage().filter(({ name }) => name === "ENV");
  const pairs = texts.flatMap(({ text }) => text.split(" ")).map((pair) => pair.split("=") as [string, string]);
  return Object.fromEntries(pairs);
}
