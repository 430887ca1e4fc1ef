import { type DescMessage, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { Failure, fieldsInvalid } from "../../failure.ts";
import { findJsonFaults } from "../find-json-faults.ts";

/** Reads a tool's arguments as the request of its RPC. Throws Failure MESSAGE_MALFORMED that says which field is wrong. */
export function readArguments(input: DescMessage, value: unknown): Message {
  try {
    return fromJson(input, value as JsonValue);
  } catch {
    // protobuf's own message would quote the value, which may be a secret
    const faults = findJsonFaults(input, value);
    if (faults.length === 0)
      throw new Failure(
        ErrorReason.MESSAGE_MALFORMED,
        "the arguments set a field twice, or two fields that exclude each other",
      );
    const { message, detail } = fieldsInvalid(...faults);
    throw new Failure(ErrorReason.MESSAGE_MALFORMED, message, detail);
  }
}
