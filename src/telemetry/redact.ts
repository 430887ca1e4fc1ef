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

/** What stands in the place of a secret. */
export const redacted = "[redacted]";

export interface RedactOptions {
  /** False: of a text its length alone is shown, for a message that may have a secret where none belongs. */
  readonly texts?: boolean;
}

/** Of one message: so many values, characters of a text, characters of a key. */
const limits = { values: 300, text: 200, key: 60 };

/** Well-known types that are a value rather than a message; others, such as Struct, can hold anything and are not shown. */
const values: ReadonlyMap<string, DescMessage> = new Map(
  [DurationSchema, FieldMaskSchema, TimestampSchema].map((schema) => [schema.typeName, schema]),
);

/**
 * A message as it may be shown to whoever reads the log: every field with the option `secret`, be it a text, a list, a map or
 * a message, is `[redacted]`. What is set is shown under its proto name. The result is small, whatever the message is.
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
      return `[${desc.name}]`; // one that its JSON cannot express
    }
  };
  return showMessage(reflect(schema, message)) as JsonObject;
}

function showEnum({ enum: desc }: DescField & { fieldKind: "enum" }, value: unknown): JsonValue {
  return desc.value[value as number]?.name ?? String(value);
}
