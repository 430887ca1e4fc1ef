import { type DescField, getOption, ScalarType } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldRules } from "../../../gen/buf/validate/validate_pb.js";
import { type LongestText, longestText } from "./longest-text.ts";

/** The limits that the rules of a field set. */
export interface FieldBounds {
  /** Elements of a list or pairs of a map; 1 for any other field. Infinity without a rule. */
  readonly count: number;
  /** The limit of the text, or of each text of a list or map; undefined for other types and without a rule. */
  readonly text: LongestText | undefined;
  /** The limit of each key of a map; undefined for other fields and without a rule. */
  readonly key: LongestText | undefined;
}

/** The limit of a number in JSON, also one in a text. */
const number: LongestText = { characters: 64, bytesEach: 1 };

/** Fields of types outside the contract, which have no rules. */
const wellKnown: Readonly<Record<string, FieldBounds>> = {
  "google.protobuf.FieldMask.paths": { count: 256, text: { characters: 256, bytesEach: 4 }, key: undefined },
};

/** Returns the limits of a field from its `buf.validate` rules. */
export function fieldBounds(field: DescField): FieldBounds {
  const known = wellKnown[`${field.parent.typeName}.${field.name}`];
  if (known !== undefined) return known;
  const rules = getOption(field, fieldRules);
  const { type } = rules;
  if (field.fieldKind === "list") {
    const { maxItems = 0n, items } = type.case === "repeated" ? type.value : {};
    return { count: bound(maxItems), text: textOf(field, items), key: undefined };
  }
  if (field.fieldKind === "map") {
    const { maxPairs = 0n, keys, values } = type.case === "map" ? type.value : {};
    const key = field.mapKey === ScalarType.STRING ? textBound(keys) : number;
    return { count: bound(maxPairs), text: textOf(field, values), key };
  }
  return { count: 1, text: textOf(field, rules), key: undefined };
}

/** Returns whether the field holds text or bytes, or a list or map of them. */
export function isText(field: DescField): boolean {
  return field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
}

function textOf(field: DescField, rules: FieldRules | undefined): LongestText | undefined {
  if (isText(field)) return textBound(rules);
  return field.message === undefined ? number : undefined;
}

function textBound(rules: FieldRules | undefined): LongestText | undefined {
  return rules?.type.case === "string" ? longestText(rules.type.value) : undefined;
}

function bound(max: bigint): number {
  return max > 0n ? Number(max) : Number.POSITIVE_INFINITY;
}
