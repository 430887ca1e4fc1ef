import { createValidator } from "@bufbuild/protovalidate";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

/** Holds every request against the rules in its proto file. */
export function validate(): Interceptor {
  const validator = createValidator();
  return (next) => async (request) => {
    if (!request.stream) {
      const result = validator.validate(request.method.input, request.message);
      if (result.kind === "error") throw result.error;
      if (result.kind === "invalid") throw new ConnectError(result.error.message, Code.InvalidArgument);
    }
    return next(request);
  };
}
