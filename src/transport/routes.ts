import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import type { MethodImpl, ServiceImpl } from "@connectrpc/connect";

/** One RPC and what runs it. */
export interface Route {
  readonly method: DescMethodUnary;
  readonly implementation: MethodImpl<DescMethodUnary>;
}

/** Pairs every RPC of a service with its implementation; the compiler names the one that is missing. */
export function routesOf<S extends DescService>(service: S, implementations: ServiceImpl<S>): Route[] {
  return service.methods.map((method): Route => {
    if (method.methodKind !== "unary")
      throw new Error(`${service.typeName}.${method.name}: only unary RPCs can be served so far`);
    const implementation = (implementations as Record<string, unknown>)[method.localName];
    return { method: method as DescMethodUnary, implementation: implementation as MethodImpl<DescMethodUnary> };
  });
}
