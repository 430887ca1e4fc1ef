import type { DescMessage } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { JsonSchema } from "./keywords.ts";
import { scalarSchema } from "./scalar-schema.ts";

/** Returns the schema of a well-known type with a JSON form of its own; undefined for any other message. */
export function wellKnownSchema(
  message: DescMessage,
  names: "json" | "proto",
  direction: "input" | "output",
): JsonSchema | undefined {
  switch (message.typeName) {
    case "google.protobuf.Timestamp":
      return { type: "string", format: "date-time" };
    case "google.protobuf.Duration":
      // Not the format `duration` of JSON Schema, which is that of ISO 8601.
      return { type: "string", pattern: "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$" };
    case "google.protobuf.FieldMask":
      return names === "json"
        ? { type: "string", pattern: "^[A-Za-z0-9.,]*$", description: "Comma separated, in lowerCamelCase." }
        : { type: "string", pattern: "^[A-Za-z0-9_.,]*$", description: "Comma separated." };
    case "google.protobuf.Empty":
      return { type: "object" };
    case "google.protobuf.Struct":
      return { type: "object", additionalProperties: true };
    case "google.protobuf.ListValue":
      return { type: "array" };
    case "google.protobuf.Value":
      return {};
    case "google.protobuf.Any":
      return {
        type: "object",
        properties: { "@type": { type: "string", description: "What it is: the name of its message as a URL." } },
        required: ["@type"],
        additionalProperties: true,
      };
    default: {
      const scalar = isWrapperDesc(message) ? message.fields[0]?.scalar : undefined;
      return scalar === undefined ? undefined : scalarSchema(scalar, direction);
    }
  }
}
