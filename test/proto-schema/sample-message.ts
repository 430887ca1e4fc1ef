import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { fullConfigs } from "../connection-profiles/full-configs.ts";

/** Texts of which one fits every text of the contract that has rules. */
const texts = [
  "alice",
  "a.example:9092",
  "cp_0123456789ab",
  "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3",
  "SASL_SSL",
  "PLAIN",
  "client_secret_post",
  "eu-central-1",
];

/**
 * The JSON of a message in which every field is set: of a oneof the members that `members` names, or the first. `fits` says
 * whether a value will do where it stands.
 */
export function sampleMessage(
  message: DescMessage,
  fits: (field: DescField, value: JsonValue) => boolean,
  members: ReadonlySet<string> = new Set(),
): JsonObject {
  const json: JsonObject = {};
  for (const field of message.fields) {
    const others = field.oneof?.fields ?? [];
    const chosen = others.find(({ name }) => members.has(name)) ?? others[0];
    if (chosen !== undefined && chosen !== field) continue;
    const one = sampleElement(field, fits, members);
    if (field.fieldKind === "list") json[field.jsonName] = [one];
    else json[field.jsonName] = field.fieldKind === "map" ? { [mapKey(field)]: one } : one;
  }
  return json;
}

function sampleElement(
  field: DescField,
  fits: (field: DescField, value: JsonValue) => boolean,
  members: ReadonlySet<string>,
): JsonValue {
  if (field.enum !== undefined) return field.enum.values.at(-1)?.name ?? "";
  switch (field.message?.typeName) {
    case undefined:
      break;
    case "google.protobuf.Timestamp":
      return "2026-01-31T12:00:00Z";
    case "google.protobuf.Duration":
      return "1.5s";
    case "google.protobuf.FieldMask":
      return "name,config.kafka.bootstrapServers";
    default:
      return sampleMessage(field.message as DescMessage, fits, members);
  }
  if (field.scalar === ScalarType.BOOL) return true;
  if (field.scalar === ScalarType.INT64) return "7";
  if (field.scalar !== ScalarType.STRING) return 7;
  const text = field.fieldKind === "scalar" ? texts.find((testTarget) => fits(field, testTarget)) : texts[0];
  if (text === undefined) throw new Error(`no text of this test fits ${field}: add one`);
  return text;
}

function mapKey(field: DescField): string {
  return field.fieldKind === "map" && field.mapKey === ScalarType.STRING ? "key" : "1";
}

/** Every name of a connector, and of a way to log in, that the full configurations have. */
export const memberChoices: readonly ReadonlySet<string>[] = fullConfigs.map((member) => {
  const chosen = new Set<string>([member.case]);
  const inner = "authentication" in member.value ? member.value.authentication?.case : undefined;
  if (inner !== undefined) chosen.add(inner);
  return chosen;
});
