import { getPriority, platform, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import type { WorkerData } from "./worker-protocol.ts";

if (parentPort === null) throw new Error("worker-main.ts is started as a worker thread, by spawn-worker.ts");

// The priority is lowered before other modules load, because loading is most of a worker's processor time: on a busy machine
// calls on the main thread come first. Only Linux has priorities by thread; elsewhere this would affect the whole process.
if (platform() === "linux") setPriority(0, Math.min(getPriority(0) + 10, 19));

const { runWorker } = await import("./run-worker.ts");
runWorker(parentPort, workerData as WorkerData);
