import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { fieldsInvalid } from "../../errors/api-error.ts";
import type { ConfigEdits } from "./merge-config.ts";

/** The parts of a profile that an update mask names. */
export interface ProfileMask {
  readonly name: boolean;
  readonly labels: boolean;
  readonly config: ConfigEdits["paths"] & {};
}

/**
 * Returns the parsed mask; undefined for an empty or missing one. Throws FIELD_INVALID for a path that is none of a profile.
 */
export function parseUpdateMask(mask: FieldMask | undefined): ProfileMask | undefined {
  if (mask === undefined || mask.paths.length === 0) return undefined;
  const paths = mask.paths.flatMap((path) => (path === "*" ? ["name", "labels", "config"] : [path]));
  if (paths.includes("")) throw fieldsInvalid({ field: "update_mask", description: "has an empty path: name a field" });
  const unknown = paths.filter((path) => !/^(name|labels|config(\..+)?)$/.test(path));
  if (unknown.length > 0)
    throw fieldsInvalid({
      field: "update_mask",
      description: `${unknown.join(", ")}: must be name, labels, config or a path inside of config`,
    });
  return {
    name: paths.includes("name"),
    labels: paths.includes("labels"),
    config: paths.filter((path) => path.startsWith("config")).map((path) => protoNames(path.split(".").slice(1))),
  };
}

/** Returns a path below the configuration in proto names; a segment that is no field stays as it is. */
function protoNames(path: readonly string[]): string[] {
  let message: DescMessage | undefined = ConnectorConfigSchema;
  return path.map((segment) => {
    const field: DescField | undefined = message?.fields.find(
      ({ name, jsonName }) => name === segment || jsonName === segment,
    );
    message = field?.message;
    return field?.name ?? segment;
  });
}
