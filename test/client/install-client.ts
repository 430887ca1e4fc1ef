import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { clientDependencies } from "../../packaging/published-manifest.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

/** What `npm pack` needs of a checkout. */
const needed = ["package.json", "README.md", "LICENSE", "tsconfig.json", "packaging", "gen", "src/client"];

/** A copy of the checkout's parts that a package is made of. Packing there disturbs nobody. */
export async function copyCheckout(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "connectory-checkout-"));
  for (const part of needed) {
    await mkdir(join(copy, dirname(part)), { recursive: true });
    await cp(join(root, part), join(copy, part), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Runs npm and answers with what it printed; throws with that when it fails. */
export async function npm(cwd: string, ...parameters: string[]): Promise<string> {
  const { stdout } = await run("npm", parameters, { cwd, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

/** The package in an empty project, as somebody gets it who installs it. */
export interface InstalledClient {
  readonly folder: string;
  readonly tarball: string;
  /** Every file of the package, as a path inside it. */
  readonly files: readonly string[];
  /** Puts a file into the project. */
  add(name: string, text: string): Promise<void>;
  remove(): Promise<void>;
}

/** Packs the client and installs it, with the versions of its dependencies that this checkout has. */
export async function installClient(): Promise<InstalledClient> {
  const checkout = await copyCheckout();
  const folder = await mkdtemp(join(tmpdir(), "connectory-project-"));
  const tarball = join(folder, "connectory.tgz");
  const packed = (await npm(checkout, "pack", "--silent")).trim();
  await cp(join(checkout, packed), tarball);
  await rm(checkout, { recursive: true });

  const versions = await Promise.all(clientDependencies.map(installedVersion));
  const overrides = Object.fromEntries(clientDependencies.map((name, index) => [name, versions[index]]));
  const manifest = { type: "module", dependencies: { connectory: "file:connectory.tgz" }, overrides };
  const add = async (name: string, text: string) => {
    await mkdir(join(folder, dirname(name)), { recursive: true });
    await writeFile(join(folder, name), text);
  };
  await add("package.json", JSON.stringify(manifest));
  await npm(folder, "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts");
  const inside = join(folder, "node_modules/connectory");
  const entries = await readdir(inside, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return {
    folder,
    tarball,
    files: files.map((file) => file.slice(inside.length + 1)).sort(),
    add,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function installedVersion(name: string): Promise<string> {
  return JSON.parse(await readFile(join(root, "node_modules", name, "package.json"), "utf8")).version;
}
