import { writeFile } from "node:fs/promises";
import { openapiText } from "./openapi-text.ts";

// Writes the OpenAPI document to the file that is named: the second step of `npm run generate`, after `buf generate`.
const [, , file] = process.argv;
if (file === undefined) throw new Error("Name the file to write, such as gen/openapi.json.");
await writeFile(file, openapiText());
