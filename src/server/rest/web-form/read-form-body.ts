import type { DescField, DescMessage, DescMethod, JsonObject } from "@bufbuild/protobuf";
import { ConnectionProfileService } from "../../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../../../gen/connectory/v1/connector_pb.js";
import { isSecret, nestedMessage } from "../../../proto-schema/field-options.ts";
import { isJsonObject } from "../../../proto-schema/json-object.ts";
import { parseFormConfig } from "../../../proto-schema/json-schema/parse-form-config.ts";
import { removeSecretMasks } from "../../../proto-schema/json-schema/to-form-config.ts";

const { updateConnectionProfile } = ConnectionProfileService.method;

/**
 * Returns the body of a request of the form as the contract has it. Only a configuration of a stored profile changes: a masked
 * secret in it means the stored one. A form sends all of its fields, so they replace the stored configuration, and a secret whose
 * input was emptied is removed. `id` is the profile's id in the path; undefined without one. A body that is no form's stays
 * unchanged.
 */
export function readFormBody(method: DescMethod, id: string | undefined, body: JsonObject): JsonObject {
  const { config, connector } = body;
  const member = ConnectorConfigSchema.fields.find(({ name }) => name === connector);
  if (member?.message === undefined || !isJsonObject(config)) return body;
  if (id === undefined && typeof body.id !== "string") return body;
  const own = parseFormConfig(member.message, config);
  const read = { ...body, config: removeSecretMasks(member.message, own) };
  if (!isJsonObject(config.__meta) || body.update_mask !== undefined || body.updateMask !== undefined) return read;
  const others =
    method === updateConnectionProfile ? ["name", "labels"].filter((name) => body[name] !== undefined) : [];
  const emptied = emptySecrets(member.message, own, `config.${member.name}.`);
  return { ...read, update_mask: [...others, "config", ...emptied].join(",") };
}

/** Returns the paths of the secrets outside of lists and maps that a configuration does not have. */
function emptySecrets(message: DescMessage, config: JsonObject, path: string): string[] {
  return message.fields.flatMap((field) => {
    const value = config[field.name] ?? config[field.jsonName] ?? "";
    if (isSecret(field)) return field.fieldKind === "scalar" && value === "" ? [path + field.name] : [];
    return isJsonObject(value) ? emptyBelow(field, value, path) : [];
  });
}

function emptyBelow(field: DescField, value: JsonObject, path: string): string[] {
  const inside = nestedMessage(field);
  return field.fieldKind === "message" && inside !== undefined
    ? emptySecrets(inside, value, `${path}${field.name}.`)
    : [];
}
