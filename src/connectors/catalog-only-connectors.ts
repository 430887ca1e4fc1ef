import type { ListedConnector } from "./sdk/connector.ts";

const source = { source: true, sink: false };
const sink = { source: false, sink: true };
const both = { source: true, sink: true };

/**
 * Connectors of pipelines without profiles of their own: they need no configuration, or use the profiles of another connector.
 */
export const catalogOnlyConnectors: readonly ListedConnector[] = [
  { id: "blackhole", name: "Blackhole", description: "Takes everything and keeps nothing", ...sink },
  { id: "delta", name: "Delta Lake", description: "Tables in a lake of files", ...sink, profileConnector: "s3" },
  {
    id: "filesystem",
    name: "Filesystem",
    description: "Files on a disk or in a bucket",
    ...both,
    profileConnector: "s3",
  },
  { id: "fluvio", name: "Fluvio", description: "A distributed stream of records", ...both },
  { id: "impulse", name: "Impulse", description: "Makes numbered records at a steady rate", ...source },
  { id: "kinesis", name: "Kinesis", description: "Amazon's data streams", ...both },
  { id: "nexmark", name: "Nexmark", description: "Makes the records of the Nexmark benchmark", ...source },
  {
    id: "polling_http",
    name: "Polling HTTP",
    description: "Asks an HTTP endpoint again and again",
    ...source,
    profileConnector: "http",
  },
  { id: "preview", name: "Preview", description: "Shows results while a pipeline is written", ...sink },
  { id: "single_file", name: "Single file", description: "One file on a disk", ...sink },
  {
    id: "sse",
    name: "Server-sent events",
    description: "Listens to the events of an HTTP endpoint",
    ...source,
    profileConnector: "http",
  },
  { id: "stdout", name: "Standard output", description: "Prints everything", ...sink },
  {
    id: "webhook",
    name: "Webhook",
    description: "Posts every record to an HTTP endpoint",
    ...sink,
    profileConnector: "http",
  },
];
