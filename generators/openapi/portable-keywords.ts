/**
 * Returns a copy of a part of the document that generators for other languages can read: each pattern is one of ECMA-262 without
 * the flag `u` and of RE2, and the first of a schema's `examples` is also its `example`, the keyword of OpenAPI 3.0.
 */
export function portableKeywords<Part>(part: Part): Part {
  return convert(part) as Part;
}

function convert(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(convert);
  if (typeof part !== "object" || part === null) return part;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(part)) {
    copy[key] = key === "pattern" && typeof value === "string" ? portablePattern(value) : convert(value);
    if (key === "examples" && Array.isArray(value)) copy.example = value[0];
  }
  return copy;
}

/**
 * Replaces Unicode's category of control and other unprintable characters by the control characters of Latin-1, which admits more
 * than the server does. A pattern that may begin anywhere says so: some clients, such as Python's, match from the beginning.
 */
function portablePattern(pattern: string): string {
  const portable = pattern.replaceAll(String.raw`\p{C}`, String.raw`\x00-\x1f\x7f-\x9f`);
  if (/\\[pP]\{/.test(portable)) throw new Error(`${pattern}: not every generator knows this pattern`);
  return portable.startsWith("^") ? portable : `^[\\s\\S]*(?:${portable})`;
}
