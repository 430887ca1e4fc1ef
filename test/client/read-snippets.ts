import { readFile } from "node:fs/promises";

/**
 * The TypeScript of a page of documentation as programs, by the second word of the fence: the blocks one after the other,
 * with their imports gathered at the top. What the first block declares is there for all; of the others each is for itself.
 */
export async function readSnippets(file: string): Promise<Record<string, string>> {
  const page = await readFile(file, "utf8");
  const blocks = [...page.matchAll(/^```ts ?(\w*)\n(.*?)^```$/gms)].map(([, kind = "", code = ""]) => ({ kind, code }));
  const kinds = new Set(blocks.map(({ kind }) => kind));
  return Object.fromEntries(
    [...kinds].map((kind) => [kind, join(blocks.filter((block) => block.kind === kind).map(({ code }) => code))]),
  );
}

function join(blocks: readonly string[]): string {
  const imports = new Map<string, Set<string>>();
  const bodies = blocks.map((code) =>
    code.replace(/^import \{ (.*) \} from "(.*)";\n/gm, (_line, names: string, from: string) => {
      imports.set(from, new Set([...(imports.get(from) ?? []), ...names.split(", ")]));
      return "";
    }),
  );
  const [first = "", ...others] = bodies;
  const lines = [...imports].map(([from, names]) => `import { ${[...names].join(", ")} } from "${from}";`);
  return [...lines, first, ...others.map((body) => `{\n${body}}`)].join("\n");
}
