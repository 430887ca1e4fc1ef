import { writeFile } from "node:fs/promises";
import { envExample } from "./env-example-text.ts";

// Writes the file of settings that is named: the last step of `npm run generate`.
const [, , file] = process.argv;
if (file === undefined) throw new Error("Name the file to write, such as .env.example.");
await writeFile(file, envExample());
