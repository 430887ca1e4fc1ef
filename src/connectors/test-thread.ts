import { getPriority, platform, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import type { TestThreadData } from "./worker-protocol.ts";

if (parentPort === null) throw new Error("test-thread.ts is started as a worker thread, by start-test-thread.ts");

// Before anything else is loaded, because loading is most of what a thread does: on a busy machine calls that wait for the
// main thread come first. Only Linux has priorities by thread; elsewhere this would be the whole process.
if (platform() === "linux") setPriority(0, Math.min(getPriority(0) + 10, 19));

const { serveTests } = await import("./serve-tests.ts");
serveTests(parentPort, workerData as TestThreadData);
