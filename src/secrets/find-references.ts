/** `{{ NAME }}`; what stands between the braces may have blanks around it. Linear in the length of the text. */
export const referencePattern = /\{\{([^{}]*)\}\}/g;

/** The names between double braces, in their order; also those that cannot be names, which nobody may use then. */
export function findReferences(text: string): readonly string[] {
  return [...text.matchAll(referencePattern)].map(([, name = ""]) => name.trim());
}
