import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { discriminatorOf, type RestNames, restNameOf } from "../../proto-schema/http/rest-mapping.ts";

/** How the request names its fields. */
export interface RequestNames {
  readonly names: RestNames;
  /** The request had the member that is named beside it around the member's fields: `"config": {"kafka": {…}}`. */
  readonly wrapped: boolean;
}

/** A step of a path: a name, or an index or a key in brackets. */
const step = /\.?([A-Za-z_][A-Za-z0-9_]*)|(\[(?:\d+|true|false|"(?:[^"\\]|\\.)*")\])/y;

/**
 * A field's path as the caller knows it: in the names of the service, and without the member of a message that is named
 * beside it. `config.kafka.bootstrap_servers` is `config.bootstrap_servers`; what is not of the contract stays as it is.
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
      // The oneof itself is wrong: what is missing is the word that says which member is meant.
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
