import type { DescMethodServerStreaming, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import type { MethodImpl, ServiceImpl } from "@connectrpc/connect";

/** An RPC and its implementation. */
export type Route =
  | { readonly kind: "unary"; readonly method: DescMethodUnary; readonly implementation: MethodImpl<DescMethodUnary> }
  | {
      readonly kind: "server_streaming";
      readonly method: DescMethodServerStreaming;
      readonly implementation: MethodImpl<DescMethodServerStreaming>;
    };

/** Returns a route for every RPC of a service; the compiler reports a missing implementation. */
export function routesOf<S extends DescService>(service: S, implementations: ServiceImpl<S>): Route[] {
  return service.methods.map((method) => {
    const kind = method.methodKind;
    if (kind !== "unary" && kind !== "server_streaming")
      throw new Error(`${service.typeName}.${method.name}: a stream of requests cannot be served`);
    const implementation = (implementations as Record<string, unknown>)[method.localName];
    return { kind, method, implementation } as Route;
  });
}
