import type { DescMessage, JsonObject } from "@bufbuild/protobuf";
import { isJsonObject, jsonObjectOrEmpty } from "../json-object.ts";
import { noneTitle } from "./form-schema.ts";

/**
 * Removes the additions of web forms from a configuration or edits of one (see `formSchemaOf`). A form puts the selected option
 * of each choice into `__meta`, such as `{"tls": {"type": "None"}}`, and leaves an empty object for none, which would mean
 * something else for `tls`. Members of a oneof are under its name: `{"authentication": {"basic": …}}`. Names are proto names;
 * everything else stays unchanged, valid or not.
 */
export function parseFormConfig(message: DescMessage, config: JsonObject): JsonObject {
  const known = (key: string) => message.fields.some(({ name, jsonName }) => name === key || jsonName === key);
  const own = Object.entries(config).filter(([key]) => known(key) || (key !== "name" && key !== "__meta"));
  return takeOut(message, Object.fromEntries(own), jsonObjectOrEmpty(config.__meta));
}

function takeOut(message: DescMessage, config: JsonObject, meta: JsonObject): JsonObject {
  const lifted = { ...config };
  let choices = meta;
  for (const oneof of message.oneofs) {
    const inside = lifted[oneof.name];
    if (!isJsonObject(inside)) continue;
    const members = Object.keys(inside);
    if (!members.every((key) => oneof.fields.some(({ name }) => name === key) && lifted[key] === undefined)) continue;
    delete lifted[oneof.name];
    Object.assign(lifted, inside);
    choices = { ...choices, ...jsonObjectOrEmpty(meta[oneof.name]) }; // the choices inside the member
  }
  for (const field of message.fields) {
    const value = lifted[field.name];
    if (field.fieldKind !== "message" || !isJsonObject(value)) continue;
    const choice = jsonObjectOrEmpty(choices[field.name]);
    if (choice.type === noneTitle && Object.keys(value).length === 0) delete lifted[field.name];
    else lifted[field.name] = takeOut(field.message, value, choice);
  }
  return lifted;
}
