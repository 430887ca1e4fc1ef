import type { JsonObject } from "@bufbuild/protobuf";
import { ConnectorConfigSchema } from "../../../../gen/connectory/v1/connector_pb.js";
import { isJsonObject } from "../../../proto-schema/json-object.ts";
import { toFormConfig } from "../../../proto-schema/json-schema/to-form-config.ts";

/**
 * Returns a profile whose configuration is as the form has it: with the profile's name, each choice under its own name and in
 * `__meta`, and a mask for each secret that is set.
 */
export function toFormProfile(profile: JsonObject): JsonObject {
  const { connector, config, name, secrets } = profile;
  const message = ConnectorConfigSchema.fields.find((member) => member.name === connector)?.message;
  if (message === undefined || !isJsonObject(config)) return profile;
  const set = new Set(
    (Array.isArray(secrets) ? secrets : []).flatMap((state) =>
      isJsonObject(state) && state.set === true ? [String(state.path)] : [],
    ),
  );
  const form = toFormConfig(message, config, (path) => set.has(path));
  return { ...profile, config: { name: name ?? "", ...form } };
}
