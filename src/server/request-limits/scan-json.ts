import { type Excess, maxDepth, tooDeep, tooLong, tooMany, tooManyValues } from "./excess.ts";
import type { JsonShape } from "./json-shape.ts";

/** The maximum characters of a number: parsing takes quadratic time. */
const longestNumber = 64;
/** The maximum characters of a name, longer than any field or key; a name of 4 MB would be unescaped at each access. */
const longestName = 16_384;
/** The maximum UTF-16 units of a character: an escaped surrogate pair has 12, an unescaped one 2. */
const unitsOfCharacter = { escaped: 12, plain: 2 };

const char = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openList: 0x5b,
  backslash: 0x5c,
  closeList: 0x5d,
  open: 0x7b,
  close: 0x7d,
} as const;

/** The position of a text between quotes. */
interface Text {
  readonly begin: number;
  readonly end: number;
  readonly isEscaped: boolean;
}

/** The limits for the JSON of a request. */
export interface JsonBounds {
  /** Undefined when only the number of values is limited. */
  readonly shape: JsonShape | undefined;
  /** The maximum number of values in the whole text: objects, lists and their contents. */
  readonly values: number;
}

/**
 * Scans the JSON text of a request before parsing, without creating objects, for a place that exceeds the rules of its field.
 * Returns the first excess; undefined for none, and for malformed JSON, which the parser reports.
 */
export function scanJson({ shape: root, values: maxValues }: JsonBounds, text: string): Excess | undefined {
  let at = 0;
  let values = 0;
  /** The position of the next backslash, searched once: most texts have none, and repeated searches would take quadratic time. */
  let backslash = -1;

  const skipBlanks = (): void => {
    while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  };

  /** Reads a text from its opening quote to behind the closing one. */
  const string = (): Text => {
    const begin = at + 1;
    let end = next('"', begin);
    if (backslash < begin) backslash = next("\\", begin);
    const isEscaped = backslash < end;
    if (isEscaped)
      for (end = backslash; end < text.length; end += 1) {
        const code = text.charCodeAt(end);
        if (code === char.quote) break;
        if (code === char.backslash) end += 1;
      }
    at = end + 1;
    return { begin, end: Math.min(end, text.length), isEscaped };
  };
  const next = (what: string, from: number): number => {
    const found = text.indexOf(what, from);
    return found < 0 ? text.length : found;
  };

  const isTooLong = ({ begin, end, isEscaped }: Text, characters: number): boolean =>
    characters > 0 && end - begin > characters * (isEscaped ? unitsOfCharacter.escaped : unitsOfCharacter.plain);

  const value = (shape: JsonShape | undefined, path: string, depth: number): Excess | undefined => {
    values += 1;
    if (values > maxValues) return tooManyValues(maxValues, path);
    if (depth > maxDepth) return tooDeep();
    skipBlanks();
    switch (text.charCodeAt(at)) {
      case char.open:
        return object(shape, path, depth);
      case char.openList:
        return list(shape, path, depth);
      case char.quote:
        return textValue(shape, path);
      default:
        return numberOrWord(path);
    }
  };

  const textValue = (shape: JsonShape | undefined, path: string): Excess | undefined => {
    const found = string();
    if (shape === undefined) return undefined;
    if (isTooLong(found, shape.text)) return tooLong(shape.text, path);
    if (shape.paths === 0) return undefined;
    let paths = 1;
    for (
      let comma = text.indexOf(",", found.begin);
      comma >= 0 && comma < found.end;
      comma = text.indexOf(",", comma + 1)
    )
      paths += 1;
    return paths > shape.paths ? tooMany({ kind: "list", count: shape.paths }, path) : undefined;
  };

  const numberOrWord = (path: string): Excess | undefined => {
    const begin = at;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code <= 0x20 || code === char.comma || code === char.close || code === char.closeList) break;
      if (at - begin >= longestNumber)
        return { field: path, description: `a number must be at most ${longestNumber} characters` };
    }
    if (at === begin) at = text.length; // no JSON
    return undefined;
  };

  const object = (shape: JsonShape | undefined, path: string, depth: number): Excess | undefined => {
    at += 1;
    for (let pairs = 1; at < text.length; pairs += 1) {
      skipBlanks();
      if (text.charCodeAt(at) !== char.quote) break;
      if (shape !== undefined && shape.pairs > 0 && pairs > shape.pairs)
        return tooMany({ kind: "map", count: shape.pairs }, path);
      const name = string();
      if (name.end - name.begin > longestName)
        return { field: path, description: `a name must be at most ${longestName} characters` };
      if (shape !== undefined && isTooLong(name, shape.key)) return tooLong(shape.key, path);
      skipBlanks();
      if (text.charCodeAt(at) !== char.colon) break;
      at += 1;
      const excess = member(shape, name, path, depth);
      if (excess !== undefined) return excess;
      skipBlanks();
      if (text.charCodeAt(at) !== char.comma) break;
      at += 1;
    }
    return closed(char.close);
  };

  const member = (
    shape: JsonShape | undefined,
    { begin, end }: Text,
    path: string,
    depth: number,
  ): Excess | undefined => {
    // A longer name belongs to no field and is only shown in a path.
    const name = text.slice(begin, Math.min(end, begin + 64));
    const known = shape?.members.get(name) ?? shape?.value;
    return value(known, path === "" ? name : `${path}.${name}`, depth + 1);
  };

  const list = (shape: JsonShape | undefined, path: string, depth: number): Excess | undefined => {
    at += 1;
    for (let items = 1; at < text.length; items += 1) {
      skipBlanks();
      if (text.charCodeAt(at) === char.closeList) break;
      if (shape !== undefined && shape.items > 0 && items > shape.items)
        return tooMany({ kind: "list", count: shape.items }, path);
      const excess = value(shape?.element, `${path}[${items - 1}]`, depth + 1);
      if (excess !== undefined) return excess;
      skipBlanks();
      if (text.charCodeAt(at) !== char.comma) break;
      at += 1;
    }
    return closed(char.closeList);
  };

  /** Skips a closing bracket; without one the text is malformed, and the scan ends. */
  const closed = (code: number): undefined => {
    skipBlanks();
    at = text.charCodeAt(at) === code ? at + 1 : text.length;
    return undefined;
  };

  return value(root, "", 0);
}
