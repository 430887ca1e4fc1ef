import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { fieldsInvalid } from "../../errors/api-error.ts";
import type { ConfigEdits } from "./merge-config.ts";

/** What an update mask says of a profile. */
export interface ProfileMask {
  readonly name: boolean;
  readonly labels: boolean;
  readonly config: ConfigEdits["paths"] & {};
}

/** Reads a mask; undefined when there is none. Throws FIELD_INVALID for what no mask of a profile can hold. */
export function parseUpdateMask(mask: FieldMask | undefined): ProfileMask | undefined {
  if (mask === undefined || mask.paths.length === 0) return undefined;
  const paths = mask.paths.flatMap((path) => (path === "*" ? ["name", "labels", "config"] : [path]));
  const unknown = paths.filter((path) => !/^(name|labels|config(\..+)?)$/.test(path));
  if (unknown.length > 0)
    throw fieldsInvalid({
      field: "update_mask",
      description: `${unknown.join(", ")}: must be name, labels, config or a path inside of config`,
    });
  return {
    name: paths.includes("name"),
    labels: paths.includes("labels"),
    config: paths.filter((path) => path.startsWith("config")).map((path) => path.split(".").slice(1)),
  };
}
