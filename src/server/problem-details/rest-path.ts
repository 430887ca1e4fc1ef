import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { discriminatorOf, type RestNames, restNameOf } from "../../proto-schema/http/rest-mapping.ts";

/** The names of fields in a request. */
export interface RequestNames {
  readonly names: RestNames;
  /** True when the fields are inside the member that a discriminator names: `"config": {"kafka": {…}}`. */
  readonly wrapped: boolean;
}

/** A segment of a path: a name, or an index or a key in brackets. */
const step = /\.?([A-Za-z_][A-Za-z0-9_]*)|(\[(?:\d+|true|false|"(?:[^"\\]|\\.)*")\])/y;

/**
 * Returns the path of a field in the names of the service, without the member that a discriminator names:
 * `config.kafka.bootstrap_servers` becomes `config.bootstrap_servers`. Segments outside the contract stay unchanged.
 */
export function toRestPath(schema: DescMessage, path: string, { names, wrapped }: RequestNames): string {
  let message: DescMessage | undefined = schema;
  let outer: DescField | undefined;
  let result = "";
  step.lastIndex = 0;
  for (let at = 0; at < path.length; at = step.lastIndex) {
    const [found, name, bracket] = step.exec(path) ?? [];
    if (found === undefined) return result + path.slice(at);
    if (bracket !== undefined) {
      result += bracket;
      continue;
    }
    const field: DescField | undefined = message?.fields.find((known) => known.name === name);
    const naming: DescField | undefined = outer === undefined ? undefined : discriminatorOf(outer);
    outer = undefined;
    if (field === undefined) {
      // The oneof itself is invalid: its discriminator is missing.
      if (naming !== undefined && !wrapped && message?.oneofs.some((oneof) => oneof.name === name))
        return restNameOf(naming, names);
      return result + path.slice(at);
    }
    message = field.message;
    outer = field;
    if (naming !== undefined && !wrapped) continue;
    result += (result === "" ? "" : ".") + restNameOf(field, names);
  }
  return result;
}
