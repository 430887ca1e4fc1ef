import { type DescMessage, fromJson, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { errorDetailRegistry } from "../../../src/server/dispatch/error-detail-registry.ts";
import { contractPath } from "./contract-path.ts";
import type { Protocol } from "./protocol.ts";

/** Connect's own clients: gRPC, Connect and gRPC-Web, as the transport says. */
export function connectProtocol(transport: Transport): Protocol {
  return {
    ask: async (method, request, token) => {
      const client = createClient(method.parent, transport) as Record<string, (...args: unknown[]) => unknown>;
      const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
      const call = client[method.localName]?.bind(client);
      if (call === undefined) throw new Error(`no method ${method.localName}`);
      try {
        const answer = call(fromJson(method.input, request), { headers });
        const messages =
          method.methodKind === "unary" ? [await answer] : await Array.fromAsync(answer as AsyncIterable<unknown>);
        const options = { alwaysEmitImplicit: true, registry: errorDetailRegistry };
        return { messages: messages.map((message) => toJson(method.output, message as never, options)) };
      } catch (error) {
        return { refused: refusalOf(method.input, ConnectError.from(error)) };
      }
    },
    close: async () => undefined,
  };
}

function refusalOf(input: DescMessage, error: ConnectError) {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  return {
    code: statusName(Code[error.code]),
    reason: info?.reason ?? "",
    metadata: info?.metadata ?? {},
    fields: bad?.fieldViolations.map(({ field }) => contractPath(input, field, undefined)) ?? [],
    retry: error.findDetails(RetryInfoSchema).length > 0,
  };
}

/** `AlreadyExists` → `ALREADY_EXISTS`. */
function statusName(code = ""): string {
  const name = code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return name === "CANCELED" ? "CANCELLED" : name;
}
