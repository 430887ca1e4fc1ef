import { isReflectMessage, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { isSecret } from "../../proto-schema/field-options.ts";

/** The texts of a configuration. */
export interface ConfigTexts {
  readonly secrets: readonly SecretText[];
  /** What is shown to everybody who may read the profile. */
  readonly shown: readonly string[];
}

export interface SecretText {
  readonly value: string;
  /** Texts of the same message that are shown, such as the name of the user whose password it is. */
  readonly beside: readonly string[];
}

/** Every text in a configuration and the messages below it, by the marks of its fields. */
export function configTexts(message: ReflectMessage): ConfigTexts {
  const secrets: string[] = [];
  const beside: string[] = [];
  const below: ConfigTexts[] = [];
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const value: unknown = message.get(field);
    const values = field.fieldKind === "map" || field.fieldKind === "list" ? contents(value) : [value];
    for (const one of values) {
      if (isReflectMessage(one)) below.push(configTexts(one));
      else if (typeof one === "string" && one !== "") (isSecret(field) ? secrets : beside).push(one);
      else if (one instanceof Uint8Array && isSecret(field)) secrets.push(Buffer.from(one).toString());
    }
    // A map's keys are never secret.
    if (field.fieldKind === "map") beside.push(...[...message.get(field).keys()].map(String));
  }
  return {
    secrets: [...secrets.map((value) => ({ value, beside })), ...below.flatMap((texts) => texts.secrets)],
    shown: [...beside, ...below.flatMap((texts) => texts.shown)],
  };
}

function contents(collection: unknown): readonly unknown[] {
  const { values } = collection as { values(): Iterable<unknown> };
  return [...values.call(collection)];
}
