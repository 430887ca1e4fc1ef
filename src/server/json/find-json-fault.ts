/** The first fault of a JSON text. */
export type JsonFault =
  /** The text is not JSON; `at` is the offset of the place, in UTF-16 code units. */
  | { readonly kind: "syntax"; readonly at: number; readonly description: string }
  /** An object has the same name twice; `path` is that of its second value, in the names of the text. */
  | { readonly kind: "repeated"; readonly path: string };

/** The maximum nesting that is searched; longer paths are refused before. */
const maxDepth = 64;

const blanks = /[ \t\n\r]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /[A-Za-z0-9_+.$-]+/y;
const escaped = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

/**
 * Finds the first place where a text is not JSON, or else the first name that an object has twice, which JSON.parse silently
 * merges. Returns undefined for valid JSON without such names. No description quotes the text: it may hold a secret.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  let at = 0;
  let repeated: JsonFault | undefined;

  const syntax = (description: string, place = at): JsonFault => ({ kind: "syntax", at: place, description });
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [found = ""] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  };
  const skipBlanks = () => take(blanks);

  const value = (path: string, depth: number): JsonFault | undefined => {
    skipBlanks();
    const first = text[at];
    if (depth > maxDepth) return syntax(`it is nested more than ${maxDepth} deep`);
    if (first === "{") return object(path, depth);
    if (first === "[") return list(path, depth);
    return first === '"' ? string() : scalar();
  };

  const scalar = (): JsonFault | undefined => {
    const begin = at;
    if (take(number) !== "" && take(word) === "") return undefined;
    at = begin;
    const found = take(word);
    if (found === "true" || found === "false" || found === "null") return undefined;
    at = begin;
    return syntax(describeValue(text[at], found));
  };

  const string = (): JsonFault | undefined => {
    const begin = at;
    for (at += 1; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        at += 1;
        return undefined;
      }
      if (code < 0x20) return syntax("a line break, tab or control character inside a text must be escaped, as in \\n");
      if (code !== 0x5c) continue;
      at += 1;
      if (take(escaped) === "") return syntax("a backslash must be written as \\\\ inside a text", at - 1);
      at -= 1;
    }
    return syntax("the text that begins here has no closing quote", begin);
  };

  const object = (path: string, depth: number): JsonFault | undefined => {
    const names = new Set<string>();
    let comma = -1;
    at += 1;
    for (;;) {
      skipBlanks();
      if (text[at] === "}" && comma < 0) break;
      if (text[at] !== '"') return text[at] === "}" ? surplus(comma) : syntax(describeName(text[at]));
      const begin = at;
      const fault = string();
      if (fault !== undefined) return fault;
      const name = JSON.parse(text.slice(begin, at)) as string;
      const inside = path === "" ? name : `${path}.${name}`;
      if (names.has(name)) repeated ??= { kind: "repeated", path: inside };
      names.add(name);
      skipBlanks();
      if (text[at] !== ":") return syntax("a colon and a value must follow the name");
      at += 1;
      const inner = value(inside, depth + 1);
      if (inner !== undefined) return inner;
      skipBlanks();
      if (text[at] === "}") break;
      if (text[at] !== ",") return syntax(describeNext(text[at], "}"));
      comma = at;
      at += 1;
    }
    at += 1;
    return undefined;
  };

  const list = (path: string, depth: number): JsonFault | undefined => {
    let comma = -1;
    at += 1;
    for (let index = 0; ; index += 1) {
      skipBlanks();
      if (text[at] === "]" && comma < 0) break;
      if (text[at] === "]") return surplus(comma);
      const inner = value(`${path}[${index}]`, depth + 1);
      if (inner !== undefined) return inner;
      skipBlanks();
      if (text[at] === "]") break;
      if (text[at] !== ",") return syntax(describeNext(text[at], "]"));
      comma = at;
      at += 1;
    }
    at += 1;
    return undefined;
  };

  const surplus = (comma: number) => syntax("no comma may follow the last element: remove it", comma);

  const fault = value("", 0);
  if (fault !== undefined) return fault;
  skipBlanks();
  return at < text.length ? syntax("nothing may follow the end of the JSON value") : repeated;
}

function describeValue(first: string | undefined, word: string): string {
  if (first === undefined) return "it ends where a value must follow";
  if (first === "'") return "a text must be in double quotes";
  if (first === "/" || first === "#") return "JSON has no comments";
  if (first === "," || first === "}" || first === "]") return "a value is missing before this place";
  if (/^(true|false|null|none|nil|undefined)$/i.test(word)) return "true, false and null must be in lower case";
  return /^[-+.\d]/.test(word)
    ? "a number must have the form of JSON, such as 10 or -0.5, or be a text in double quotes"
    : "a text must be in double quotes";
}

function describeName(first: string | undefined): string {
  if (first === undefined) return "it ends inside an object: a } is missing";
  if (first === "/" || first === "#") return "JSON has no comments";
  return first === "," ? "there is a comma too many" : "a name must be in double quotes";
}

function describeNext(found: string | undefined, close: "}" | "]"): string {
  if (found === undefined) return `it ends where a comma or ${close} must follow`;
  if (found === "/" || found === "#") return "JSON has no comments";
  return `a comma or ${close} must stand here`;
}
