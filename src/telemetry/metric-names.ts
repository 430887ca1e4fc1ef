/**
 * Names of the OpenTelemetry semantic conventions (1.45) that are not stable yet. The package exports them under `/incubating`,
 * which may rename them in any version and takes 5 MB to load; its documentation advises a copy. Stable names come from the
 * package.
 */
export const metricNames = {
  eventLoopDelayP50: "nodejs.eventloop.delay.p50",
  eventLoopDelayP99: "nodejs.eventloop.delay.p99",
  eventLoopDelayMax: "nodejs.eventloop.delay.max",
  eventLoopUtilization: "nodejs.eventloop.utilization",
  heapUsed: "v8js.memory.heap.used",
  heapSpaceSize: "v8js.memory.heap.space.size",
  heapSpaceName: "v8js.heap.space.name",
  processMemory: "process.memory.usage",
  processCpuTime: "process.cpu.time",
  cpuMode: "cpu.mode",
  processUptime: "process.uptime",
  poolConnections: "db.client.connection.count",
  poolMax: "db.client.connection.max",
  poolPending: "db.client.connection.pending_requests",
  poolName: "db.client.connection.pool.name",
  poolState: "db.client.connection.state",
  sentMessages: "messaging.client.sent.messages",
  operationDuration: "messaging.client.operation.duration",
  messagingSystem: "messaging.system.name",
  messagingOperation: "messaging.operation.name",
  messagingOperationType: "messaging.operation.type",
  messagingBatchCount: "messaging.batch.message_count",
  messagingDestination: "messaging.destination.name",
} as const;
