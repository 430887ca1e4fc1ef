import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { field as fieldRules, Ignore } from "../../../gen/buf/validate/validate_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, type FieldViolation, maxViolations as maxReported } from "../../errors/api-error.ts";
import { didYouMean } from "../../errors/did-you-mean.ts";
import { fieldOption } from "../../proto-schema/field-options.ts";
import { discriminatorOf, ignoredConfigKeys } from "../../proto-schema/http/rest-mapping.ts";
import { emptyJsonObject, isJsonObject } from "../../proto-schema/json-object.ts";
import { parseFormConfig } from "../../proto-schema/json-schema/parse-form-config.ts";
import { castTimes, isTimeField } from "./cast-times.ts";
import { readFieldMask } from "./field-mask.ts";
import { findJsonField, holdsNull, plainMessageOf } from "./json-fields.ts";

/** The normalized JSON of a request. */
export interface NormalizedJson {
  /** The JSON in proto names, with the named members around their fields, for protobuf to decode. */
  readonly json: JsonObject;
  /** The field masks of the request, which protobuf cannot decode in snake_case. */
  readonly masks: Map<DescField, string[]>;
  readonly violations: FieldViolation[];
}

/** The form in which a request has its fields. */
export interface RequestForm {
  /**
   * True when the fields of a member with a discriminator are inside that member: `"config": {"kafka": {…}}`. Also true until the
   * request is read: paths in it are then those of its text.
   */
  wrapped: boolean;
}

/** The maximum number of collected violations; a response has fewer. */
const maxViolations = 100;

/** Returns the error for an unknown discriminator value, such as a connector that does not exist. */
export type RejectMember = (field: DescField, name: string) => ApiError;

/** MESSAGE_MALFORMED with the members that exist. */
export const rejectUnknownMember: RejectMember = (field) => {
  const known = field.message?.fields.map(({ name }) => name).join(", ") ?? "";
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, `${discriminatorOf(field)?.name ?? ""}: must be one of ${known}`);
};

/**
 * Converts the JSON of a request to the form that protobuf decodes: a member with a discriminator may be given directly, names
 * may be in camelCase or snake_case, and null is a field that is not set. Unknown and duplicate fields are violations. Sets
 * `form`. Throws the error of `rejectMember`.
 */
export function normalizeJson(
  schema: DescMessage,
  body: JsonObject,
  form: RequestForm,
  rejectMember: RejectMember,
): NormalizedJson {
  form.wrapped = false;
  const normalized: NormalizedJson = { json: emptyJsonObject(), masks: new Map(), violations: [] };
  const { masks, violations } = normalized;

  const readFields = (message: DescMessage, json: JsonObject, path: string, ignored: readonly string[]): JsonObject => {
    const result = emptyJsonObject();
    for (const [key, value] of Object.entries(json)) {
      if (violations.length >= maxViolations) break;
      const field = findJsonField(message, key);
      if (field === undefined) {
        if (!ignored.includes(key)) violations.push({ field: path + key, description: describeUnknown(key, message) });
      } else if (field.name in result) {
        violations.push({ field: path + field.name, description: "is given twice, under its two names" });
      } else if (value !== null || holdsNull(field)) result[field.name] = readValue(field, value, json, path);
    }
    checkOneofs(message, result, path);
    return result;
  };

  // Only so many violations are sent, and each search for a similar name takes time.
  const describeUnknown = (key: string, message: DescMessage) =>
    violations.length < maxReported ? unknownField(key, message) : "there is no such field";

  const checkOneofs = (message: DescMessage, json: JsonObject, path: string) => {
    for (const { name, fields } of message.oneofs) {
      const given = fields.map((field) => field.name).filter((member) => member in json);
      if (given.length > 1)
        violations.push({ field: path + name, description: `only one of ${given.join(", ")} can be given` });
    }
  };

  const readValue = (field: DescField, value: JsonValue, beside: JsonObject, path: string): JsonValue => {
    const at = path + field.name;
    if (field.message?.typeName === FieldMaskSchema.typeName && path === "" && typeof value === "string")
      return readMask(field, value, beside);
    const message = plainMessageOf(field);
    if (message === undefined) return isTimeField(field) ? castTimes(value) : value;
    if (field.fieldKind === "list" && Array.isArray(value))
      return value.map((item, index) =>
        isJsonObject(item) ? readFields(message, item, `${at}[${index}].`, []) : item,
      );
    if (!isJsonObject(value)) return value;
    if (field.fieldKind === "map") {
      const entries = emptyJsonObject();
      for (const [key, item] of Object.entries(value))
        entries[key] = isJsonObject(item) ? readFields(message, item, `${at}[${JSON.stringify(key)}].`, []) : item;
      return entries;
    }
    if (discriminatorOf(field) === undefined) return readFields(message, value, `${at}.`, []);
    return readNamed(field, message, value, beside, at);
  };

  const readMask = (field: DescField, text: string, beside: JsonObject): JsonValue => {
    const memberOf = (about: DescField) => namedMember(about, beside, rejectMember);
    masks.set(field, readFieldMask(text, schema, memberOf));
    if (text !== "" && text.split(",").includes(""))
      violations.push({ field: field.name, description: "has an empty path: name a field" });
    return text;
  };

  const readNamed = (field: DescField, message: DescMessage, value: JsonObject, beside: JsonObject, at: string) => {
    // Without a configuration the handler decides: there is none to give for a connector without profiles.
    const isEmpty = isPartial(field) && Object.keys(value).every((key) => ignoredConfigKeys.includes(key));
    const member = namedMember(field, beside, isEmpty ? () => undefined : rejectMember);
    const inner = member === undefined ? undefined : innerOf(message, member, value);
    if (member?.message !== undefined && inner !== undefined && inner === value) {
      const own = parseFormConfig(member.message, inner);
      const fields = readFields(member.message, own, `${at}.${member.name}.`, ignoredConfigKeys);
      return { [member.name]: fields };
    }
    form.wrapped = true;
    const result = emptyJsonObject();
    for (const [key, item] of Object.entries(value).slice(0, maxViolations)) {
      const wrapped = findJsonField(message, key);
      if (wrapped?.message !== undefined && isJsonObject(item))
        result[wrapped.name] = readFields(wrapped.message, item, `${at}.${wrapped.name}.`, ignoredConfigKeys);
      else if (wrapped !== undefined && item !== null) result[wrapped.name] = item;
      else if (wrapped === undefined && !ignoredConfigKeys.includes(key))
        violations.push({ field: `${at}.${key}`, description: unknownMember(key, field, message) });
    }
    checkOneofs(message, result, `${at}.`);
    return result;
  };

  Object.assign(normalized.json, readFields(schema, body, "", []));
  return normalized;
}

/** Returns the fields of a named member: the value itself, or the content of the one member, named or other, that it contains. */
function innerOf(message: DescMessage, member: DescField, value: JsonObject): JsonValue | undefined {
  const keys = Object.keys(value).filter((key) => !ignoredConfigKeys.includes(key) && value[key] !== null);
  const [only = ""] = keys;
  const around = keys.length === 1 && findJsonField(message, only) !== undefined;
  return around && member.message !== undefined && findJsonField(member.message, only) === undefined
    ? value[only]
    : value;
}

/** Returns the member that the discriminator names; undefined when it names none. */
function namedMember(
  field: DescField,
  beside: JsonObject,
  rejectMember: (...named: Parameters<RejectMember>) => ApiError | undefined,
): DescField | undefined {
  const naming = discriminatorOf(field);
  if (naming === undefined) return undefined;
  const name = beside[naming.name] ?? beside[naming.jsonName];
  if (typeof name !== "string" || name === "") return undefined;
  const member = field.message?.fields.find((known) => known.name === name);
  const rejection = member === undefined ? rejectMember(field, name) : undefined;
  if (rejection !== undefined) throw rejection;
  return member;
}

const rulesOf = fieldOption(fieldRules);

/** Returns whether the field need not be a whole message: it holds edits, or may be left out. */
function isPartial(field: DescField): boolean {
  return rulesOf(field).ignore === Ignore.ALWAYS;
}

function unknownField(key: string, { fields }: DescMessage): string {
  const known = fields.map(({ name }) => name);
  if (known.length === 0) return "there is no such field: there are none here";
  return `there is no such field${didYouMean(key, known) || ":"} known here are ${known.join(", ")}`;
}

function unknownMember(key: string, field: DescField, message: DescMessage): string {
  const naming = discriminatorOf(field)?.name ?? "";
  const known = message.fields.map(({ name }) => name);
  const similar = didYouMean(key, known);
  const why = `there is no such field here${similar || ":"}`;
  return `${why} say in ${naming} what ${field.name} is of and give its fields directly, or give one of ${known.join(", ")}`;
}
