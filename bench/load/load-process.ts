import type { Caller } from "./caller.ts";
import { drive, type Window } from "./drive.ts";
import type { Measure } from "./measure.ts";
import { openGrpc } from "./open-grpc.ts";
import { openHttp } from "./open-http.ts";
import { openRedis } from "./open-redis.ts";
import type { Target } from "./target.ts";

/** What the load process is asked for. */
export interface LoadOrder {
  readonly target: Target;
  readonly window: Window;
}

/** What it answers. */
export type LoadReport = { readonly measure: Measure } | { readonly failure: string };

const openers: Readonly<Record<Target["protocol"], (target: Target) => Promise<Caller>>> = {
  grpc: openGrpc,
  connect: (target) => openHttp("connect", target),
  rest: (target) => openHttp("rest", target),
  mcp: (target) => openHttp("mcp", target),
  redis: openRedis,
};

// The process that makes the load: one order at a time over the channel of its parent.
process.on("message", (order: LoadOrder) => {
  load(order).then(
    (measure) => process.send?.({ measure } satisfies LoadReport),
    (error) => process.send?.({ failure: String(error) } satisfies LoadReport),
  );
});

async function load({ target, window }: LoadOrder): Promise<Measure> {
  const caller = await openers[target.protocol](target);
  try {
    return await drive(caller, target.callers, window);
  } finally {
    await caller.close();
  }
}
