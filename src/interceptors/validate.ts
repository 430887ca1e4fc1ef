import { create, type DescMessage, type DescMethod, type Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Validator } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import { fieldsInvalid } from "../failure.ts";

const patterns = new Map<string, RegExp>();

/**
 * Matches with the engine's own regular expressions: the library's default, a RE2 in JavaScript, took 7 % of the
 * server's time in a profile of creates. The patterns are the contract's, none a caller's, and none of them backtracks.
 */
function matches(pattern: string, text: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = new RegExp(pattern, "u");
    patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}

/**
 * Holds every request against the `buf.validate` rules of its message, so that a verb sees only well-formed ones.
 * Every violation is reported with its field path.
 */
export function validate(methods: readonly DescMethod[]): Interceptor {
  const validator = createValidator({ regexMatch: matches });
  // The rules of a message are compiled when it is seen first, up to 60 ms: at the start rather than in a call.
  for (const { input } of methods) validator.validate(input, create(input));
  return (next) => async (request) => {
    if (request.stream) return next({ ...request, message: checked(validator, request.method.input, request.message) });
    check(validator, request.method.input, request.message);
    return next(request);
  };
}

async function* checked<T extends Message>(validator: Validator, schema: DescMessage, messages: AsyncIterable<T>) {
  for await (const message of messages) {
    check(validator, schema, message);
    yield message;
  }
}

function check(validator: Validator, schema: DescMessage, message: Message): void {
  const result = validator.validate(schema, message);
  if (result.kind === "error") throw result.error;
  if (result.kind === "valid") return;
  throw fieldsInvalid(
    ...result.violations.map((violation) => ({ field: pathToString(violation.field), description: violation.message })),
  );
}
