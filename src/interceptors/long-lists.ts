import { type DescField, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { field as fieldRules, Ignore } from "../../gen/buf/validate/validate_pb.js";
import { maxViolations } from "../errors/api-error.ts";

/** A list whose elements can be validated one by one, so that validation can stop before the last. */
export interface LongList {
  readonly field: DescField & { fieldKind: "list"; message: DescMessage };
  readonly elements: readonly Message[];
}

const none: readonly LongList[] = [];
const known = new WeakMap<DescMessage, readonly LongList["field"][]>();

/** Returns the lists of a message that have more elements than the maximum of reported violations. */
export function longListsOf(schema: DescMessage, message: Message): readonly LongList[] {
  const fields = known.get(schema) ?? schema.fields.filter(isSeparable);
  known.set(schema, fields);
  if (fields.length === 0) return none;
  return fields
    .map((field) => ({ field, elements: elementsOf(message, field) }))
    .filter(({ field, elements }) => elements.length > maxViolations && elements.length <= maxItemsOf(field));
}

/** Returns a copy of the message with only the first `maxViolations` elements of these lists. */
export function shortened(message: Message, lists: readonly LongList[]): Message {
  if (lists.length === 0) return message;
  const short = lists.map(({ field, elements }) => [field.localName, elements.slice(0, maxViolations)]);
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, Object.fromEntries(short));
}

/**
 * Returns whether the rules of a list, apart from those on its length, concern single elements. `unique` and rules of whole
 * messages would not; the used part of the rule language has neither.
 */
function isSeparable(field: DescField): field is LongList["field"] {
  if (field.fieldKind !== "list" || field.message === undefined) return false;
  const { cel, ignore, type } = getOption(field, fieldRules);
  if (cel.length > 0 || ignore !== Ignore.UNSPECIFIED || type.case !== "repeated") return false;
  return type.value.items === undefined && type.value.minItems <= maxViolations;
}

function maxItemsOf(field: DescField): number {
  const { type } = getOption(field, fieldRules);
  const max = type.case === "repeated" ? Number(type.value.maxItems) : 0;
  return max === 0 ? Number.POSITIVE_INFINITY : max;
}

function elementsOf(message: Message, { localName }: DescField): readonly Message[] {
  return (message as unknown as Record<string, readonly Message[]>)[localName] ?? [];
}
