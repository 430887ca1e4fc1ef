import { clone, type DescMessage } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { fieldsInvalid } from "../../errors/api-error.ts";
import { isSecret, nestedMessage } from "../../proto-schema/field-options.ts";

/** A change of a configuration. */
export interface ConfigEdits {
  /** The new values. */
  readonly config: ConnectorConfig | undefined;
  /**
   * The changed fields, as paths below `ConnectorConfig`: `[]` for all of it, `["kafka", "tls"]`. A field that is named and not
   * set is cleared. Undefined: the fields that are set in `config`.
   */
  readonly paths: readonly (readonly string[])[] | undefined;
}

/**
 * Returns a copy of the configuration with the edits applied; both arguments stay unchanged. Throws FIELD_INVALID for an
 * unknown path.
 */
export function mergeConfig(stored: ConnectorConfig, { config, paths }: ConfigEdits): ConnectorConfig {
  const merged = clone(ConnectorConfigSchema, stored);
  const target = reflect(ConnectorConfigSchema, merged);
  const source =
    config === undefined ? undefined : reflect(ConnectorConfigSchema, clone(ConnectorConfigSchema, config));
  if (paths === undefined) {
    if (source !== undefined) overlay(target, source);
    return merged;
  }
  for (const path of paths) checkPath(ConnectorConfigSchema, path, stored.connector.case ?? "");
  for (const path of paths) {
    if (path.length > 0) replace(target, source, path, `config.${path.join(".")}`);
    else for (const field of target.fields) replace(target, source, [field.name], "config");
  }
  return merged;
}

/**
 * Merges messages, and maps of secrets, of which those that are not given stay like any other secret; replaces any other field
 * that is set.
 */
function overlay(target: ReflectMessage, source: ReflectMessage): void {
  for (const field of source.fields) {
    if (!source.isSet(field)) continue;
    if (field.fieldKind === "message" && nestedMessage(field) !== undefined && target.isSet(field))
      overlay(target.get(field), source.get(field));
    else if (field.fieldKind === "map" && isSecret(field)) {
      const entries = target.get(field);
      for (const [key, value] of source.get(field)) entries.set(key, value);
    } else target.set(field, source.get(field));
  }
}

function replace(
  target: ReflectMessage,
  source: ReflectMessage | undefined,
  path: readonly string[],
  whole: string,
): void {
  const [name, ...rest] = path;
  const field = target.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`${whole} was checked and is not there`);
  const given = source?.isSet(field) === true;
  if (rest.length === 0) {
    // A oneof member that another member has replaced has no value to clear.
    if (given) target.set(field, source.get(field));
    else if (target.isSet(field)) target.clear(field);
    return;
  }
  if (field.fieldKind !== "message") throw new Error(`${whole} was checked and leads through no message`);
  if (!target.isSet(field)) {
    // A message that is not set is created only when the edits have a value at the end of the path.
    if (!given || !isGiven(source.get(field), rest)) return;
    target.set(field, reflect(field.message));
  }
  replace(target.get(field), given ? source.get(field) : undefined, rest, whole);
}

function isGiven(source: ReflectMessage, [name, ...rest]: readonly string[]): boolean {
  const field = source.fields.find((one) => one.name === name);
  if (field === undefined || !source.isSet(field)) return false;
  return rest.length === 0 || (field.fieldKind === "message" && isGiven(source.get(field), rest));
}

/** Throws FIELD_INVALID for a path without a field, or in another connector's configuration. */
function checkPath(schema: DescMessage, path: readonly string[], connector: string): void {
  const whole = `config.${path.join(".")}`;
  if (path[0] !== undefined && path[0] !== connector) throw unknownPath(whole, `the profile is of ${connector}`);
  let message: DescMessage = schema;
  for (const [index, name] of path.entries()) {
    const field = message.fields.find((one) => one.name === name);
    if (field === undefined) throw unknownPath(whole, "there is no such field");
    if (index === path.length - 1) return;
    if (field.fieldKind !== "message" || nestedMessage(field) === undefined)
      throw unknownPath(whole, `${field.name} has no fields that a mask can name: name ${field.name} itself`);
    message = field.message;
  }
}

function unknownPath(path: string, why: string) {
  return fieldsInvalid({ field: "update_mask", description: `${path}: ${why}` });
}
