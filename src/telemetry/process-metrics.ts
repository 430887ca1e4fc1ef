import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { getHeapSpaceStatistics } from "node:v8";
import type { Meter } from "@opentelemetry/api";
import { metricNames } from "./metric-names.ts";

/** Milliseconds between two samples of the event loop delay. */
const resolutionMs = 20;

/** Adds the metrics of the process: event loop, memory, processor time. Returns a function that stops the measuring. */
export function measureProcess(meter: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let before = performance.eventLoopUtilization();
  const seconds = { unit: "s" };
  const lateness = { ...seconds, description: "How late the event loop was, since this was asked last" };
  const bytes = { unit: "By" };
  const p50 = meter.createObservableGauge(metricNames.eventLoopDelayP50, lateness);
  const p99 = meter.createObservableGauge(metricNames.eventLoopDelayP99, lateness);
  const max = meter.createObservableGauge(metricNames.eventLoopDelayMax, lateness);
  const utilization = meter.createObservableGauge(metricNames.eventLoopUtilization, { unit: "1" });
  const heapUsed = meter.createObservableUpDownCounter(metricNames.heapUsed, bytes);
  const heapSize = meter.createObservableUpDownCounter(metricNames.heapSpaceSize, bytes);
  const memory = meter.createObservableUpDownCounter(metricNames.processMemory, {
    ...bytes,
    description: "Resident memory of this process; the embedded database has its own",
  });
  const cpu = meter.createObservableCounter(metricNames.processCpuTime, seconds);
  const uptime = meter.createObservableGauge(metricNames.processUptime, seconds);

  meter.addBatchObservableCallback(
    (result) => {
      // Node measures the time between two samples, including the planned interval.
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000);
      result.observe(p50, late(delay.percentile(50)));
      result.observe(p99, late(delay.percentile(99)));
      result.observe(max, late(delay.count === 0 ? 0 : delay.max));
      delay.reset();
      const now = performance.eventLoopUtilization();
      result.observe(utilization, performance.eventLoopUtilization(now, before).utilization);
      before = now;
      for (const space of getHeapSpaceStatistics()) {
        if (space.space_size === 0) continue;
        const labels = { [metricNames.heapSpaceName]: space.space_name };
        result.observe(heapUsed, space.space_used_size, labels);
        result.observe(heapSize, space.space_size, labels);
      }
      result.observe(memory, process.memoryUsage.rss());
      const { user, system } = process.cpuUsage();
      result.observe(cpu, user / 1e6, { [metricNames.cpuMode]: "user" });
      result.observe(cpu, system / 1e6, { [metricNames.cpuMode]: "system" });
      result.observe(uptime, process.uptime());
    },
    [p50, p99, max, utilization, heapUsed, heapSize, memory, cpu, uptime],
  );
  return () => delay.disable();
}
