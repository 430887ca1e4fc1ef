import { createRequire } from "node:module";

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

let patched = false;

/**
 * Takes the timer loop out of kafkajs (2.2.4, issues 1556 and 1751). After its first answer each connection looks every
 * millisecond for requests that wait to be sent, for ever, which costs about 5 % of a core, and asks for a negative
 * delay, about which Node warns. To look is of use only while some wait; a request that comes later asks for it itself.
 * The package is frozen and pinned, and a test counts the timers.
 */
export function patchKafkajs(): void {
  if (patched) return;
  patched = true;
  const require = createRequire(import.meta.url);
  const { prototype }: { prototype: RequestQueue } = require("kafkajs/src/network/requestQueue/index.js");
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
}
