import { createRequire } from "node:module";
import { requireOfferedVersions } from "./require-offered-versions.ts";

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

let patched = false;

/**
 * Removes the timer loop of kafkajs (2.2.4, issues 1556 and 1751). After its first response each connection checks every
 * millisecond for queued requests, permanently: this takes about 5 % of a core, and the negative delay causes warnings of Node.
 * The check is needed only while requests are queued; a later request starts it itself. The package is unmaintained and pinned,
 * and a test counts the timers. Also applies `requireOfferedVersions`.
 */
export function patchKafkajs(): void {
  if (patched) return;
  patched = true;
  requireOfferedVersions();
  const require = createRequire(import.meta.url);
  const { prototype }: { prototype: RequestQueue } = require("kafkajs/src/network/requestQueue/index.js");
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
}
