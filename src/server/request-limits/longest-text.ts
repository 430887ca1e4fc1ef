import type { StringRules } from "../../../gen/buf/validate/validate_pb.js";

/** The maximum length of a text by its rules. */
export interface LongestText {
  readonly characters: number;
  /** The maximum bytes of a character in UTF-8: 1 when the rules allow ASCII only. */
  readonly bytesEach: 1 | 4;
}

const uuidLength = 36;

/** Returns the maximum length from the rules `uuid`, `max_len`, `in` and `pattern`; undefined when they set none. */
export function longestText({ maxLen, wellKnown, in: values, pattern }: StringRules): LongestText | undefined {
  if (wellKnown.case === "uuid") return { characters: uuidLength, bytesEach: 1 };
  const bounds = [
    ...(maxLen > 0n ? [Number(maxLen)] : []),
    ...(values.length > 0 ? [values.reduce((max, { length }) => Math.max(max, length), 0)] : []),
    ...(pattern === "" ? [] : [longestMatch(pattern)]),
  ].filter((bound) => Number.isFinite(bound));
  if (bounds.length === 0) return undefined;
  const characters = bounds.reduce((min, bound) => Math.min(min, bound));
  return { characters, bytesEach: pattern !== "" && isAscii(pattern) ? 1 : 4 };
}

/** Returns whether a pattern has only ASCII characters and classes that list ASCII characters. */
function isAscii(pattern: string): boolean {
  return !/[\\.[]|[^\x20-\x7e]/.test(pattern.replaceAll(/\[(?!\^)[\x20-\x5b\x5e-\x7e]*\]/g, ""));
}

/**
 * Returns the maximum characters that a pattern of the contract matches; it has classes, groups and quantifiers between `^` and
 * `$`. Infinity for other patterns.
 */
function longestMatch(pattern: string): number {
  if (!/^\^.*\$$/s.test(pattern)) return Number.POSITIVE_INFINITY;
  let at = 1;
  const end = pattern.length - 1;

  const sequence = (): number => {
    let longest = 0;
    let length = 0;
    while (at < end && pattern[at] !== ")") {
      if (pattern[at] === "|") {
        at += 1;
        longest = Math.max(longest, length);
        length = 0;
      } else {
        const one = atom();
        const times = quantifier();
        length += one === 0 ? 0 : one * times;
      }
    }
    return Math.max(longest, length);
  };
  const atom = (): number => {
    const [whole = "", group] =
      /^(?:(\((?:\?:)?)|\[(?:[^\]\\]|\\.)*\]|\\[pPu]\{[^}]*\}|\\.|.)/su.exec(pattern.slice(at)) ?? [];
    at += whole.length;
    if (group === undefined) return 1;
    const inside = sequence();
    at += 1; // the closing parenthesis
    return inside;
  };
  const quantifier = (): number => {
    const [whole = "", sign, exact, more, max] = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})/.exec(pattern.slice(at)) ?? [];
    at += whole.length;
    if (sign !== undefined) return sign === "?" ? 1 : Number.POSITIVE_INFINITY;
    if (exact === undefined) return 1;
    if (more === undefined) return Number(exact);
    return max === "" ? Number.POSITIVE_INFINITY : Number(max);
  };
  const longest = sequence();
  return at === end ? longest : Number.POSITIVE_INFINITY;
}
