import { type DescMessage, type DescMethod, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { Interceptor } from "@connectrpc/connect";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";
import { sizeUpperBound } from "./size-upper-bound.ts";

/**
 * Limits a response, or each message of a stream, to `maxBytes`; throws ApiError RESPONSE_TOO_LARGE. The size is that of the
 * protobuf encoding on every protocol, so that all protocols accept the same responses. Types that cannot be large are not
 * checked; others are encoded for measuring only when their upper bound exceeds the limit.
 */
export function limitResponseSize(methods: readonly DescMethod[], maxBytes: number): Interceptor {
  const limited = new Set(methods.filter(({ output }) => canBeLarge(output)));
  const check = (method: DescMethod, answer: Message) => {
    if (sizeUpperBound(method.output, answer, maxBytes) <= maxBytes) return;
    if (toBinary(method.output, answer).length > maxBytes) throw responseTooLarge(method, maxBytes);
  };
  return (next) => {
    const call: typeof next = async (request) => {
      const response = await next(request);
      if (response.stream) return { ...response, message: checked(response.message, response.method, check) };
      check(response.method, response.message);
      return response;
    };
    return (request) => (limited.has(request.method) ? call(request) : next(request));
  };
}

/**
 * Returns whether a message type has a field of unlimited size: a list, a map or bytes. Single texts do not count: they are ids,
 * names and times, a kilobyte together.
 */
function canBeLarge(schema: DescMessage, above: readonly DescMessage[] = []): boolean {
  if (above.includes(schema)) return true;
  return schema.fields.some((field) => {
    if (field.fieldKind === "list" || field.fieldKind === "map") return true;
    if (field.fieldKind === "scalar") return field.scalar === ScalarType.BYTES;
    return field.fieldKind === "message" && canBeLarge(field.message, [...above, schema]);
  });
}

async function* checked<T extends Message>(
  answers: AsyncIterable<T>,
  method: DescMethod,
  check: (method: DescMethod, answer: Message) => void,
): AsyncGenerator<T> {
  for await (const answer of answers) {
    check(method, answer);
    yield answer;
  }
}

function responseTooLarge(method: DescMethod, maxBytes: number): ApiError {
  const what =
    method.idempotency === Idempotency.NO_SIDE_EFFECTS ? "the answer" : "the call was carried out, but its answer";
  return new ApiError(ErrorReason.RESPONSE_TOO_LARGE, `${what} is larger than ${maxBytes} bytes: ${remedy(method)}`);
}

function remedy({ input }: DescMethod): string {
  if (input.fields.some(({ name }) => name === "page_size")) return "ask for a smaller page_size";
  const list = input.fields.find(({ fieldKind }) => fieldKind === "list");
  if (list !== undefined) return `send fewer ${list.name} at a time`;
  return "it can be sent when the operator of the server sets MAX_MESSAGE_BYTES higher";
}
