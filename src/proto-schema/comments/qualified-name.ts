import type { AnyDesc } from "@bufbuild/protobuf";

/** The declarations that can have a comment, except files and extensions. */
export type Commented = Exclude<AnyDesc, { kind: "file" | "extension" }>;

/** Returns the full name of a declaration, the key of its comment, such as `connectory.v1.Connection.user_id_1`. */
export function qualifiedName(desc: Commented): string {
  switch (desc.kind) {
    case "field":
    case "oneof":
    case "enum_value":
    case "rpc":
      return `${desc.parent.typeName}.${desc.name}`;
    default:
      return desc.typeName;
  }
}
