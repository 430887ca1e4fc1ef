import { join, relative } from "node:path";
import { API, type Program } from "typescript/unstable/sync";

const root = join(import.meta.dirname, "../..");

/** The compiler itself says what a file imports, so that `import type`, `import()` and re-exports count too. */
const compiler = new API({ cwd: root });
process.once("exit", () => compiler.close());

export type Imports = ReadonlyMap<string, readonly string[]>;

/** The files of the repository that are written by hand, each with those that it imports. */
export function readImports(): Imports {
  const config = join(root, "tsconfig.json");
  const program = compiler.updateSnapshot({ openProjects: [config] }).getProject(config)?.program;
  if (program === undefined) throw new Error(`${config} is no project of the compiler`);
  const files = new Set(
    program
      .getSourceFileNames()
      .filter((file) => /^(src|test|bench|packaging|generators)\//.test(relative(root, file))),
  );
  const nameOf = (file: string) => relative(root, file);
  return new Map(
    [...files].map((file) => [
      nameOf(file),
      importsOf(program, file)
        .filter((one) => files.has(one))
        .map(nameOf),
    ]),
  );
}

function importsOf(program: Program, file: string): readonly string[] {
  const source = program.getSourceFile(file);
  if (source === undefined) throw new Error(`the compiler does not know ${file}`);
  return source.imports
    .map((specifier) => ("text" in specifier ? String(specifier.text) : ""))
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => join(file, "..", specifier));
}
