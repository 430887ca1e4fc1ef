import type { DescMessage, JsonObject } from "@bufbuild/protobuf";
import { isJsonObject, jsonObjectOrEmpty } from "../json-object.ts";
import { noneTitle } from "./form-schema.ts";

/**
 * A configuration, or edits of one, without what web forms add to it (see `formSchemaOf`). A form tells in `__meta` which
 * option of each choice is taken, such as `{"tls": {"type": "None"}}`, and leaves an empty object where nothing is:
 * for `tls` that would mean another thing. The members of a oneof come under its name: `{"authentication": {"basic": …}}`.
 * Names are those of the proto; whatever is not a form's stays as it is, wrong or not.
 */
export function parseFormConfig(message: DescMessage, config: JsonObject): JsonObject {
  const known = (key: string) => message.fields.some(({ name, jsonName }) => name === key || jsonName === key);
  const own = Object.entries(config).filter(([key]) => known(key) || (key !== "name" && key !== "__meta"));
  return takeOut(message, Object.fromEntries(own), jsonObjectOrEmpty(config.__meta));
}

function takeOut(message: DescMessage, config: JsonObject, choices: JsonObject): JsonObject {
  const lifted = { ...config };
  for (const oneof of message.oneofs) {
    const inside = lifted[oneof.name];
    if (!isJsonObject(inside)) continue;
    const members = Object.keys(inside);
    if (!members.every((key) => oneof.fields.some(({ name }) => name === key) && lifted[key] === undefined)) continue;
    delete lifted[oneof.name];
    Object.assign(lifted, inside);
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
