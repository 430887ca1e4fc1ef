import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Validator } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import { fieldsInvalid } from "../failure.ts";

/**
 * Holds every request against the `buf.validate` rules of its message, so that a verb sees only well-formed ones.
 * Every violation is reported with its field path.
 */
export function validate(validator: Validator = createValidator()): Interceptor {
  return (next) => async (request) => {
    if (!request.stream) check(validator, request.method.input, request.message);
    return next(request);
  };
}

function check(validator: Validator, schema: DescMessage, message: Message): void {
  const result = validator.validate(schema, message);
  if (result.kind === "error") throw result.error;
  if (result.kind === "valid") return;
  throw fieldsInvalid(
    ...result.violations.map((violation) => ({ field: pathToString(violation.field), description: violation.message })),
  );
}
