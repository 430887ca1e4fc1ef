import type { AnyDesc } from "@bufbuild/protobuf";

/** What a comment can stand above, files and extensions aside. */
export type Commented = Exclude<AnyDesc, { kind: "file" | "extension" }>;

/** The name under which the comment of a declaration is kept, such as `connectory.v1.Connection.user_id_1`. */
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
