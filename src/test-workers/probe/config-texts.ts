import { isReflectMessage, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { isSecret } from "../../proto-schema/field-options.ts";

/** The texts of a configuration. */
export interface ConfigTexts {
  readonly secrets: readonly SecretText[];
  /** The texts without a secret, which every reader of the profile sees. */
  readonly shown: readonly string[];
}

/** A secret of a configuration. */
export interface SecretText {
  readonly value: string;
  /** Non-secret texts of the same message, such as the user name of a password. */
  readonly beside: readonly string[];
}

/** Returns every text in a configuration and its nested messages, classified by the `secret` option of the fields. */
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
