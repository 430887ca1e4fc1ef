import type { AnyDesc } from "@bufbuild/protobuf";
import { descriptions as generated } from "../../../gen/descriptions.js";
import { qualifiedName } from "./qualified-name.ts";

/** The comments of the contract by the full name of what they stand above. */
export const descriptions: ReadonlyMap<string, string> = new Map(Object.entries(generated));

/** The comment above a declaration in the contract, in Markdown; empty when it has none or is not of our contract. */
export function descriptionOf(desc: AnyDesc): string {
  if (desc.kind === "file" || desc.kind === "extension") return "";
  return descriptions.get(qualifiedName(desc)) ?? "";
}
