import type { AnyDesc } from "@bufbuild/protobuf";
import { descriptions as generated } from "../../../gen/descriptions.js";
import { qualifiedName } from "./qualified-name.ts";

/** The comments of the contract by the full name of their declaration. */
export const descriptions: ReadonlyMap<string, string> = new Map(Object.entries(generated));

/** Returns the comment of a declaration in the contract, in Markdown; empty for one without a comment or outside the contract. */
export function descriptionOf(desc: AnyDesc): string {
  if (desc.kind === "file" || desc.kind === "extension") return "";
  return descriptions.get(qualifiedName(desc)) ?? "";
}
