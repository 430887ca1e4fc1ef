import {
  create,
  createRegistry,
  type DescMessage,
  fromJson,
  type JsonObject,
  type Message,
  type Registry,
} from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, type FieldViolation, manyInvalid } from "../../errors/api-error.ts";
import { isJsonObject } from "../../proto-schema/json-object.ts";
import { explainJsonErrors } from "./explain-json-errors.ts";
import { findNoTimes } from "./find-no-times.ts";
import { type NormalizedJson, normalizeJson, type RejectMember, type RequestForm } from "./normalize-json.ts";

/** How the JSON of a request is decoded. */
export interface DecodeJsonOptions {
  /** Set to the form of the request, also when decoding fails. */
  readonly form: RequestForm;
  readonly rejectMember: RejectMember;
  /** The message types that a `google.protobuf.Any` may hold. Default: none. */
  readonly registry?: Registry;
}

const noTypes = createRegistry();

/**
 * Decodes the parsed JSON of a request; every protocol with JSON accepts the same forms. Throws ApiError MESSAGE_MALFORMED with
 * the path of each invalid field and what is expected there, without the value, which may be a misplaced secret, or the error of
 * `rejectMember`.
 */
export function decodeJson(input: DescMessage, value: unknown, options: DecodeJsonOptions): Message {
  if (input.typeName.startsWith("google.protobuf."))
    return decodeNormalized(input, { json: value as JsonObject }, options);
  if (!isJsonObject(value)) throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "the request must be a JSON object");
  return decodeNormalized(input, normalizeJson(input, value, options.form, options.rejectMember), options);
}

/** Decodes normalized JSON, to which other parts of the request may have been added. Throws ApiError MESSAGE_MALFORMED. */
export function decodeNormalized(
  input: DescMessage,
  { json, masks = new Map(), violations = [] }: Pick<NormalizedJson, "json"> & Partial<NormalizedJson>,
  { registry = noTypes }: Pick<DecodeJsonOptions, "registry">,
): Message {
  for (const field of masks.keys()) delete json[field.name];
  const found = [...violations, ...findNoTimes(input, json)];
  const message = found.length > 0 ? undefined : tryDecode(input, json, registry);
  if (message === undefined) throw malformed([...found, ...otherErrors(found, explainJsonErrors(input, json))]);
  for (const [field, paths] of masks)
    (message as unknown as Record<string, unknown>)[field.localName] = create(FieldMaskSchema, { paths });
  return message;
}

/** Leaves out the errors of fields inside of which another one was found. */
function otherErrors(found: readonly FieldViolation[], errors: readonly FieldViolation[]): FieldViolation[] {
  return errors.filter(({ field }) => !found.some(({ field: inner }) => inner.startsWith(field)));
}

function tryDecode(input: DescMessage, json: JsonObject, registry: Registry): Message | undefined {
  try {
    return fromJson(input, json, { registry });
  } catch {
    return undefined; // the fields are searched for the cause later
  }
}

function malformed(violations: readonly FieldViolation[]): ApiError {
  if (violations.length === 0) return new ApiError(ErrorReason.MESSAGE_MALFORMED, "the request cannot be read");
  const { message, detail } = manyInvalid(violations);
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, message, detail);
}
