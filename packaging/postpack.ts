import { join } from "node:path";
import { restoreFiles } from "./swap-files.ts";

/** Ends what prepack.ts began. */
const root = join(import.meta.dirname, "..");
await restoreFiles(root, join(root, ".cache/packing"), ["package.json", "README.md"]);
