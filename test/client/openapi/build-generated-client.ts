import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildOnce } from "../other-languages/build-once.ts";
import { findToolchain } from "../other-languages/find-toolchain.ts";
import { findGenerator, type GeneratedClient } from "./generated-clients.ts";

const root = join(import.meta.dirname, "../../..");
const document = join(root, "gen/openapi.json");

/** What builds and runs see of this machine. */
export const environmentOf = ({ environment }: GeneratedClient): Record<string, string> => ({
  ...environment,
  CACHE: join(root, ".cache"),
  DOCUMENT: document,
  NODE: process.execPath,
  TSC: join(root, "node_modules/.bin/tsc"),
});

/** The folder of a client and its program, built once for the same document, program and tools. Throws MissingProgram. */
export async function buildGeneratedClient(client: GeneratedClient): Promise<string> {
  const folder = join(import.meta.dirname, client.folder);
  const hash = createHash("sha256")
    .update(await findToolchain(client))
    .update(findGenerator)
    .update(client.build);
  for (const name of (await readdir(folder)).sort()) hash.update(name).update(await readFile(join(folder, name)));
  hash.update(await readFile(document));
  return buildOnce({
    name: `openapi-${client.folder}`,
    digest: hash.digest("hex").slice(0, 16),
    commands: `cp -r "$PROGRAM"/. .\n${findGenerator}${client.build}`,
    environment: { ...environmentOf(client), PROGRAM: folder },
  });
}
