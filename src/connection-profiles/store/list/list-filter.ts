import { fieldsInvalid } from "../../../errors/api-error.ts";

/** A condition on profiles; the terms of a filter are joined by AND. */
export type FilterTerm =
  | { readonly field: "connector" | "name"; readonly value: string; readonly prefix: boolean }
  /** Without a value: the profile has the label with any value. */
  | { readonly field: "label"; readonly label: string; readonly value: string | undefined; readonly prefix: boolean };

const label = String.raw`labels\.(?:([a-z0-9](?:[a-z0-9._/-]{0,61}[a-z0-9])?)|"([^"\\]*)")`;
const value = String.raw`(?:"((?:[^"\\]|\\["\\])*)"|([^\s"()=<>!:*]+\*?|\*))`;
const term = new RegExp(String.raw`^\s*(?:(connector|name)|${label})\s*([=:])\s*${value}\s*`);

/**
 * Parses a filter in the style of AIP-160: terms joined by `AND`, each `connector = …`, `name = …` or `labels.key = …`. A value
 * that ends in `*` is a prefix; `labels.key:*` matches any value of the label. Throws FIELD_INVALID with the position of the
 * error.
 */
export function parseListFilter(text: string): readonly FilterTerm[] {
  const terms: FilterTerm[] = [];
  let rest = text;
  while (rest.trim() !== "") {
    const match = term.exec(rest);
    if (match === null)
      throw invalid(text.length - rest.length, "is no term: connector = …, name = … or labels.key = …");
    terms.push(toTerm(match));
    rest = rest.slice(match[0].length);
    if (rest === "") return terms;
    const and = /^AND\s+(?=\S)/.exec(rest);
    if (and === null) throw invalid(text.length - rest.length, "must be AND and another term, or the end");
    rest = rest.slice(and[0].length);
  }
  return terms;
}

function toTerm([, field, bareLabel, quotedLabel, operator, quoted, bare]: RegExpExecArray): FilterTerm {
  const text = quoted === undefined ? (bare ?? "") : quoted.replaceAll(/\\(.)/g, "$1");
  const prefix = text.endsWith("*");
  const value = prefix ? text.slice(0, -1) : text;
  if (field === "connector" || field === "name") return { field, value, prefix };
  const name = bareLabel ?? quotedLabel ?? "";
  const any = operator === ":" && text === "*";
  return { field: "label", label: name, value: any ? undefined : value, prefix: prefix && !any };
}

function invalid(position: number, why: string) {
  return fieldsInvalid({ field: "filter", description: `from character ${position + 1} on it ${why}` });
}
