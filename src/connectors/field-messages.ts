import { create, type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import { field as rules } from "../../gen/buf/validate/validate_pb.js";
import { type ConnectorField, ConnectorFieldSchema } from "../../gen/connectory/v1/connector_pb.js";
import { isDestination, isSecret, nestedMessage } from "../proto-schema/field-options.ts";

/**
 * Returns the fields of a configuration in the order of its proto, with dotted paths; the fields of a nested message follow its
 * own: `sasl`, `sasl.password`. The path of a list or map names an element: `headers[].value`. `prefix` begins every path;
 * default: empty.
 */
export function toFieldMessages(schema: DescMessage, prefix = ""): readonly ConnectorField[] {
  return schema.fields.flatMap((field) => {
    const path = `${prefix}${field.name}`;
    const nested = nestedMessage(field);
    const below = field.fieldKind === "list" || field.fieldKind === "map" ? `${path}[].` : `${path}.`;
    return [describeField(field, path), ...(nested === undefined ? [] : toFieldMessages(nested, below))];
  });
}

function describeField(field: DescField, path: string): ConnectorField {
  return create(ConnectorFieldSchema, {
    path,
    type: typeName(field),
    required: getOption(field, rules).required,
    secret: isSecret(field),
    destination: isDestination(field),
  });
}

/** Returns the type in the syntax of a .proto file. */
function typeName(field: DescField): string {
  const element = field.message?.typeName ?? field.enum?.typeName ?? scalarName(field.scalar);
  if (field.fieldKind === "list") return `repeated ${element}`;
  if (field.fieldKind === "map") return `map<${scalarName(field.mapKey)}, ${element}>`;
  return element;
}

function scalarName(scalar: ScalarType | undefined): string {
  return scalar === undefined ? "" : ScalarType[scalar].toLowerCase();
}
