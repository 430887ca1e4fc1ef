import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { isMainThread } from "node:worker_threads";

// Loaded ahead of the server that is measured (`--import`): whoever connects to the socket MAIN_THREAD_SOCKET gets the most
// milliseconds of processor that the main thread has used without letting a timer run, since the last who asked. It is the
// thread's own time, so that neither other processes nor other threads are in it.
const path = process.env.MAIN_THREAD_SOCKET;
const everyMs = 1;

if (isMainThread && path !== undefined) {
  let before = process.threadCpuUsage();
  let longest = 0;
  const beat = () => {
    const now = process.threadCpuUsage();
    longest = Math.max(longest, now.user - before.user + now.system - before.system);
    before = now;
  };
  setInterval(beat, everyMs).unref();
  rmSync(path, { force: true });
  createServer((socket) => {
    beat();
    socket.end(`${longest / 1000}`);
    longest = 0;
  })
    .listen(path)
    .unref();
}
