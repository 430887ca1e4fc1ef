import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { DurationSchema, FieldMaskSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { isSecret } from "../proto-schema/field-options.ts";

/** The replacement for a secret. */
export const redacted = "[redacted]";

/** The options of `redact`. */
export interface RedactOptions {
  /** Whether texts are shown; false shows only their lengths, for a message that may have a misplaced secret. Default: true. */
  readonly texts?: boolean;
}

/** Limits for one message: values, characters of a text, characters of a map key. */
const limits = { values: 300, text: 200, key: 60 };

/** Well-known types that are shown as values; others, such as Struct, may contain anything and are not shown. */
const values: ReadonlyMap<string, DescMessage> = new Map(
  [DurationSchema, FieldMaskSchema, TimestampSchema].map((schema) => [schema.typeName, schema]),
);

/**
 * Returns a message in a form that the log may show: every field with the option `secret`, whether a text, a list, a map or a
 * message, is `[redacted]`. Fields that are set appear under their proto names. The result is small for any size of the message.
 */
export function redact(schema: DescMessage, message: Message, { texts = true }: RedactOptions = {}): JsonObject {
  let left = limits.values;

  const showText = (text: string, length = limits.text): string => {
    if (!texts) return `[${text.length} characters]`;
    return text.length <= length ? text : `${text.slice(0, length)}… [${text.length} characters]`;
  };
  const showValue = (value: unknown): JsonValue => {
    if (isReflectMessage(value)) return showMessage(value);
    if (typeof value === "string") return showText(value);
    if (value instanceof Uint8Array) return `[${value.length} bytes]`;
    if (typeof value === "number" || typeof value === "boolean") return value;
    return String(value);
  };
  const showMessage = (message: ReflectMessage): JsonValue => {
    if (message.desc.typeName.startsWith("google.protobuf.")) return showWellKnown(message);
    const shown: JsonObject = {};
    for (const field of message.fields) {
      if (!message.isSet(field)) continue;
      if (left-- <= 0) return { ...shown, "…": "[cut]" };
      shown[field.name] = isSecret(field) ? redacted : showField(field, message.get(field));
    }
    return shown;
  };
  const showField = (field: DescField, value: unknown): JsonValue => {
    if (field.fieldKind === "list") return showAll(value as Iterable<unknown>);
    if (field.fieldKind !== "map") return field.fieldKind === "enum" ? showEnum(field, value) : showValue(value);
    const entries = showAll(value as Iterable<[unknown, unknown]>, ([key, one]) => [
      showText(String(key), limits.key),
      showValue(one),
    ]);
    return texts ? Object.fromEntries(entries as [string, JsonValue][]) : entries;
  };
  const showAll = <T>(all: Iterable<T>, show: (one: T) => JsonValue = showValue): JsonValue[] => {
    const shown: JsonValue[] = [];
    for (const one of all) {
      if (left-- <= 0) break;
      shown.push(show(one));
    }
    return shown;
  };
  const showWellKnown = ({ desc, message }: ReflectMessage): JsonValue => {
    const known = values.get(desc.typeName);
    try {
      const json = known === undefined ? undefined : toJson(known, message);
      return typeof json === "string" ? showText(json) : `[${desc.name}]`;
    } catch {
      return `[${desc.name}]`; // a value without a JSON form
    }
  };
  return showMessage(reflect(schema, message)) as JsonObject;
}

function showEnum({ enum: desc }: DescField & { fieldKind: "enum" }, value: unknown): JsonValue {
  return desc.value[value as number]?.name ?? String(value);
}
