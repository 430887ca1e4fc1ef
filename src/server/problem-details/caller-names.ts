import type { DescMessage } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../../../gen/google/rpc/error_details_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { type RestNames, restNameOf } from "../../proto-schema/http/rest-mapping.ts";
import { type RequestNames, toRestPath } from "./rest-path.ts";

/** The violations of an error and its message in the caller's names. */
export interface NamedError {
  readonly message: string;
  /** Undefined when the error is not about fields. */
  readonly violations: readonly FieldViolation[] | undefined;
}

/** Returns the message and the violations of an error with the names of fields that the caller's form of the request has. */
export function inCallerNames(error: ConnectError, input: DescMessage, names: RequestNames): NamedError {
  const [bad] = error.findDetails(BadRequestSchema);
  const rename = (text: string) => renameFields(input, text, names.names);
  if (bad === undefined) return { message: rename(renamePaths(input, error.rawMessage, names)), violations: undefined };
  const violations = bad.fieldViolations.map(({ field, description }) => ({
    field: toRestPath(input, field, names),
    description: rename(description),
  }));
  // The message begins with the violations, and may go on.
  const said = asText(bad.fieldViolations);
  const message = error.rawMessage.startsWith(said)
    ? asText(violations) + rename(error.rawMessage.slice(said.length))
    : rename(renamePaths(input, error.rawMessage, names));
  return { message, violations };
}

/** Replaces the names of an error, in the error itself. */
export function useCallerNames(error: ConnectError, input: DescMessage, names: RequestNames): ConnectError {
  const { message, violations } = inCallerNames(error, input, names);
  const details = error.details.map((detail) =>
    violations !== undefined && "desc" in detail && detail.desc.typeName === BadRequestSchema.typeName
      ? { desc: BadRequestSchema, value: { fieldViolations: [...violations] } }
      : detail,
  );
  return Object.assign(error, { rawMessage: message, details });
}

function asText(violations: readonly FieldViolation[]): string {
  return violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
}

/** A word in snake_case, outside of quotes: a text in quotes is the caller's. */
const snakeCase = /"(?:[^"\\]|\\.)*"|\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b/g;

/** Replaces the proto names of the request's fields in a sentence, such as `must sort before user_id_2`. */
function renameFields(input: DescMessage, text: string, names: RestNames): string {
  if (names === "proto") return text;
  const renamed = jsonNamesOf(input);
  return text.replace(snakeCase, (word) => renamed.get(word) ?? word);
}

/** The path of a field at the begin of a sentence: `update_mask: …`, `config.kafka.tls.ca, config.kafka.tls.key: …`. */
const leadingPaths = /^[a-zA-Z_][\w.[\]"-]*(?:, [a-zA-Z_][\w.[\]"-]*)*(?=: )/;

function renamePaths(input: DescMessage, text: string, names: RequestNames): string {
  return text.replace(leadingPaths, (paths) =>
    paths
      .split(", ")
      .map((path) => toRestPath(input, path, names))
      .join(", "),
  );
}

const known = new WeakMap<DescMessage, ReadonlyMap<string, string>>();

/** Returns the JSON names by the proto names of all fields in a message and in those inside of it, where the two differ. */
function jsonNamesOf(message: DescMessage): ReadonlyMap<string, string> {
  const found = known.get(message) ?? new Map(collect(message, new Set()));
  known.set(message, found);
  return found;
}

function collect(message: DescMessage, seen: Set<DescMessage>): [string, string][] {
  if (seen.has(message)) return [];
  seen.add(message);
  return message.fields.flatMap((field) => [
    ...(field.jsonName === field.name ? [] : [[field.name, restNameOf(field, "json")] as [string, string]]),
    ...(field.message === undefined ? [] : collect(field.message, seen)),
  ]);
}
