import type { DescField, DescMessage, DescOneof, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isSecret, nestedMessage } from "../field-options.ts";
import { emptyJsonObject, isJsonObject, jsonObjectOrEmpty } from "../json-object.ts";
import { isOptionalMessage, noneTitle } from "./form-schema.ts";
import { titleOf } from "./title-of.ts";

/** The text that a form shows in place of a stored secret. Written back, it means the stored one (`removeSecretMasks`). */
export const secretMask = "********";

/**
 * Returns a configuration as a web form of `formSchemaOf` has it: each choice under its own name with what was chosen below
 * `__meta`, and `secretMask` in place of each secret for whose path (`sasl.password`, `headers["X-Key"]`) `isSet` returns true.
 * Names are proto names. `parseFormConfig` is the inverse, but for the masks.
 */
export function toFormConfig(
  message: DescMessage,
  config: JsonObject,
  isSet: (path: string) => boolean,
): JsonObject & { __meta: JsonObject } {
  const { values, choices } = formValues(message, config, "", isSet);
  return { ...values, __meta: choices };
}

/** The values of the fields of a message in a form, and its choices for `__meta`. */
interface FormValues {
  readonly values: JsonObject;
  readonly choices: JsonObject;
}

function formValues(
  message: DescMessage,
  config: JsonObject,
  path: string,
  isSet: (path: string) => boolean,
): FormValues {
  const values: JsonObject = {};
  const choices: JsonObject = {};
  const nested = (field: DescField, value: JsonValue | undefined) =>
    formValues(field.message as DescMessage, jsonObjectOrEmpty(value), `${path}${field.name}.`, isSet);

  const putOneof = (oneof: DescOneof) => {
    const chosen = oneof.fields.find(({ name }) => config[name] !== undefined);
    values[oneof.name] = {};
    choices[oneof.name] = { type: noneTitle };
    if (chosen === undefined) return;
    const inside = nestedMessage(chosen) === undefined ? undefined : nested(chosen, config[chosen.name]);
    const value = inside?.values ?? leaf(chosen, config[chosen.name], path, isSet);
    const below = inside !== undefined && Object.keys(inside.choices).length > 0;
    values[oneof.name] = { [chosen.name]: value ?? null };
    choices[oneof.name] = { ...(below ? { [chosen.name]: inside.choices } : {}), type: titleOf(chosen) };
  };

  const putField = (field: DescField) => {
    const value = config[field.name];
    if (field.fieldKind === "message" && nestedMessage(field) !== undefined) {
      const isChosen = value !== undefined;
      const inside = isChosen ? nested(field, value) : { values: {}, choices: {} };
      if (isChosen || isOptionalMessage(field)) values[field.name] = inside.values;
      if (isOptionalMessage(field))
        choices[field.name] = { ...inside.choices, type: isChosen ? titleOf(field) : noneTitle };
      else if (Object.keys(inside.choices).length > 0) choices[field.name] = inside.choices;
      return;
    }
    const shown = leaf(field, value, path, isSet);
    if (shown !== undefined) values[field.name] = shown;
  };

  for (const member of message.members) member.kind === "oneof" ? putOneof(member) : putField(member);
  return { values, choices };
}

/** Returns the value of a field without fields of its own, with masks for what is secret; undefined when it is not set. */
function leaf(
  field: DescField,
  value: JsonValue | undefined,
  path: string,
  isSet: (path: string) => boolean,
): JsonValue | undefined {
  const at = `${path}${field.name}`;
  if (!isSecret(field)) return value;
  if (Array.isArray(value)) return value.map((_, index) => (isSet(`${at}[${index}]`) ? secretMask : ""));
  if (isJsonObject(value))
    return Object.fromEntries(
      Object.keys(value).map((key) => [key, isSet(`${at}[${JSON.stringify(key)}]`) ? secretMask : ""]),
    );
  return isSet(at) ? secretMask : undefined;
}

/**
 * Returns a configuration, in proto names and without the choices of a form, without the masks of `toFormConfig`: a masked
 * secret is absent, a masked element of a list or map is empty. Both mean the stored value.
 */
export function removeSecretMasks(message: DescMessage, config: JsonObject): JsonObject {
  const result = emptyJsonObject();
  for (const [key, value] of Object.entries(config)) {
    const field = message.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    const inside = field === undefined ? undefined : nestedMessage(field);
    if (field?.fieldKind === "message" && inside !== undefined && isJsonObject(value))
      result[key] = removeSecretMasks(inside, value);
    else if (field === undefined || !isSecret(field)) result[key] = value;
    else if (Array.isArray(value)) result[key] = value.map(unmasked);
    else if (isJsonObject(value))
      result[key] = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, unmasked(one)]));
    else if (value !== secretMask) result[key] = value;
  }
  return result;
}

function unmasked(value: JsonValue): JsonValue {
  return value === secretMask ? "" : value;
}
