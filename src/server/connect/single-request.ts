import { ConnectError, type Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { translateReadError } from "./translate-read-error.ts";

/**
 * Maps errors of reading the request of a server stream to ApiError: it is read inside the interceptors, which would treat an
 * error of Connect as a defect of the service. Also rejects a request without exactly one message (CALL_NOT_SUPPORTED).
 */
export const singleRequest: Interceptor = (next) => (request) =>
  request.stream ? next({ ...request, message: readOne(request.message) }) : next(request);

async function* readOne<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = messages[Symbol.asyncIterator]();
  for (let count = 0; ; count += 1) {
    const next = await iterator.next().catch((error: unknown) => {
      throw error instanceof ConnectError ? (translateReadError(error) ?? error) : error;
    });
    if (next.done !== true && count === 0) yield next.value;
    else if (next.done === true && count > 0) return;
    else throw notOne(count);
  }
}

function notOne(count: number): ApiError {
  const found = count === 0 ? "no message" : "more than one message";
  return new ApiError(ErrorReason.CALL_NOT_SUPPORTED, `the request has ${found}: this method takes exactly one`);
}
