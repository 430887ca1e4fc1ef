import { isReflectMessage, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { FieldViolation } from "../failure.ts";

/** The fields of a message, and of those below it, with text that neither the database nor any other system takes. */
export function checkText(message: ReflectMessage, prefix = ""): readonly FieldViolation[] {
  return message.sortedFields.flatMap((field) => {
    const path = `${prefix}${field.name}`;
    if (!message.isSet(field)) return [];
    if (field.fieldKind === "message") return checkText(message.get(field), `${path}.`);
    if (field.fieldKind === "list") return [...message.get(field)].flatMap((value) => checkValue(value, path));
    if (field.fieldKind === "map")
      return [...message.get(field)].flat().flatMap((value: unknown) => checkValue(value, path));
    return checkValue(message.get(field), path);
  });
}

function checkValue(value: unknown, path: string): readonly FieldViolation[] {
  if (isReflectMessage(value)) return checkText(value, `${path}.`);
  if (typeof value !== "string" || (value.isWellFormed() && !value.includes("\0"))) return [];
  return [{ field: path, description: "must be Unicode text without the character NUL" }];
}
