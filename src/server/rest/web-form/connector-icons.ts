/** The paths of the icons on a grid of 24 by 24, by the id of the connector. */
const paths: Readonly<Record<string, string>> = {
  amqp: "M4 8h6v8H4zm10 0h6v8h-6zM10 12h4M7 8V4m10 4V4",
  blackhole: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM3 12a9 9 0 0 1 15-6.7M21 12a9 9 0 0 1-15 6.7",
  confluent: "M4 5c6 0 6 7 8 7s2 7 8 7M4 19c6 0 6-7 8-7s2-7 8-7",
  delta: "M12 4l9 16H3zm0 6l4 7",
  filesystem: "M3 6h7l2 3h9v10H3zM3 9h9",
  fluvio: "M3 8c3-3 6 3 9 0s6 3 9 0M3 13c3-3 6 3 9 0s6 3 9 0M3 18c3-3 6 3 9 0s6 3 9 0",
  http: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
  iceberg: "M2 12h20M6 12l5-8 3 4 2-1 3 5M4 12l4 8h7l5-8",
  impulse: "M2 14h5V6h4v8h3V9h3v5h5",
  kafka:
    "M8 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM17 3a2 2 0 1 0 0 4 2 2 0 0 0 0-4zm0 14a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM10.5 10.5l5-4.5m-5 7.5l5 4.5",
  kinesis: "M4 5l8 4 8-4M4 12l8 4 8-4M12 9v3m0 4v4",
  mqtt: "M4 20v-3a3 3 0 0 1 3 3zM4 12a8 8 0 0 1 8 8M4 5a15 15 0 0 1 15 15",
  mysql: "M5 6c0-4 14-4 14 0s-14 4-14 0zm0 0v12c0 4 14 4 14 0V6M9 13l3 3 3-3",
  nats: "M4 4h16v12h-5l-3 5-1-5H4zM8 13V8l7 5V8",
  nexmark: "M4 20V10m5 10V5m5 15v-8m5 8V8M3 20h18",
  polling_http: "M20 12a8 8 0 1 1-3-6.2M20 3v5h-5M12 8v4l3 2",
  postgres: "M6 6c0-3 12-3 12 0s-12 3-12 0zm0 0v12c0 3 12 3 12 0V6M6 12c0 3 12 3 12 0",
  preview: "M2 12c5-8 15-8 20 0-5 8-15 8-20 0zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  rabbitmq: "M4 20V4h4v7h3V4h4v7h5v9zM15 16h2",
  redis: "M12 3l9 4-9 4-9-4zM3 12l9 4 9-4M3 16.5l9 4 9-4",
  s3: "M4 5h16l-2 15H6zM4 5c3 2 13 2 16 0M8 12h8",
  single_file: "M6 3h8l4 4v14H6zM14 3v4h4M9 13h6m-6 4h6",
  sse: "M3 12h10m-4-4l4 4-4 4M16 6a8 8 0 0 1 0 12M19 3a12 12 0 0 1 0 18",
  stdout: "M3 4h18v16H3zM7 9l3 3-3 3m5 0h5",
  webhook: "M12 8a3 3 0 1 0-2-5.2M12 8l-4 7m-2 0a3 3 0 1 0 3 4M9 19h7m2-3a3 3 0 1 0 0 5M13 6l4 8",
  websocket: "M3 8h14m-4-4l4 4-4 4M21 16H7m4-4l-4 4 4 4",
};

/** The path of the icon of a connector without one of its own: a plug. */
const plug = "M4 12h6m4 0h6M10 8v8m4-8v8";

/** Returns the icon of a connector as SVG, drawn in white for the dark cards of the form. */
export function connectorIcon(id: string): string {
  const path = Object.hasOwn(paths, id) ? paths[id] : plug;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="none" stroke="white" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" d="${path}"/></svg>`;
}
