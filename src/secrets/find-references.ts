/** `{{ NAME }}`, with or without the spaces. */
export const referencePattern = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The names between double braces, in their order; also those that cannot be names, which nobody may use then. */
export function findReferences(text: string): readonly string[] {
  return [...text.matchAll(referencePattern)].map(([, name = ""]) => name);
}
