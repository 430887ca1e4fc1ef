import { spawnSync } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { publishedManifest } from "./published-manifest.ts";
import { restoreFiles, swapFiles } from "./swap-files.ts";

/**
 * `npm pack` calls this before it packs, and postpack.ts after it.
 *
 * The package is the client, and the checkout is the server: two sets of dependencies, where npm takes one package.json
 * and always packs the README.md beside it. So both files are those of the client for the second that packing takes. When
 * it is interrupted in that second, `npm run postpack` or the next `npm pack` puts them back; until then everything but
 * `npm ci` works. `npm publish` takes the packed file (`npm publish connectory-<version>.tgz`): the checkout is private.
 */
const root = join(import.meta.dirname, "..");
const aside = join(root, ".cache/packing");
await restoreFiles(root, aside, ["package.json", "README.md"]);

await rm(join(root, "dist"), { recursive: true, force: true });
const { status } = spawnSync("tsc", ["--project", join(import.meta.dirname, "tsconfig.json")], { stdio: "inherit" });
if (status !== 0) throw new Error("the client does not compile");

const manifest = publishedManifest(JSON.parse(await readFile(join(root, "package.json"), "utf8")));
await swapFiles(root, aside, {
  "package.json": `${JSON.stringify(manifest, null, 2)}\n`,
  "README.md": await readFile(join(root, "src/client/README.md"), "utf8"),
});
