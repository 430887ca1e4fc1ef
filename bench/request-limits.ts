import { createRegistry } from "@bufbuild/protobuf";
import { readArguments } from "../src/transport/mcp/read-arguments.ts";
import { readJson } from "../src/transport/read-json.ts";
import { checkRequestBytes, checkRequestJson, jsonBounds } from "../src/transport/request-limits/check-request.ts";
import { decodeRequest } from "../src/transport/rest/decode-request.ts";
import { fillables, fillBinary, fillJson } from "../test/transport/request-limits/fill-field.ts";

/**
 * How long the main thread is held up by a request of 4 MB with nothing but empty elements of one field, for every list and
 * map of every RPC: `node bench/request-limits.ts`. It is what each protocol does between the bytes and the message; the
 * longest of each is the figure.
 */
const bytes = 4 * 1024 * 1024;

type Read = (fillable: ReturnType<typeof fillables>[number][1]) => () => unknown;

const none = createRegistry();
const notNamed = () => new Error("no member is looked for") as never;
const protocols: Readonly<Record<string, Read>> = {
  "binary (gRPC, Connect, gRPC-Web)": ({ input, node }) => {
    const message = fillBinary(node, bytes / 2);
    return () => checkRequestBytes(input, message);
  },
  "JSON (Connect, gRPC-Web)": ({ input, node }) => {
    const text = fillJson(node, bytes / 16);
    return () => {
      checkRequestJson(jsonBounds(input), text);
      readJson(input, text, none);
    };
  },
  REST: ({ input, node }) => {
    const parts = { bodyRule: "*", body: fillJson(node, bytes / 16), query: "", fixed: [] };
    return () => decodeRequest(input, parts, notNamed);
  },
  "arguments of a tool": ({ input, node }) => {
    const args: unknown = JSON.parse(fillJson(node, 2000));
    return () => readArguments(input, args);
  },
};

function milliseconds(run: () => unknown): number {
  const { user, system } = process.cpuUsage();
  try {
    run();
  } catch {
    // that it is refused is what is measured
  }
  const used = process.cpuUsage({ user, system });
  return (used.user + used.system) / 1000;
}

for (const [protocol, read] of Object.entries(protocols)) {
  const longest = fillables()
    .map(([name, fillable]) => ({ name, ms: milliseconds(read(fillable)) }))
    .reduce((a, b) => (a.ms >= b.ms ? a : b));
  process.stdout.write(`${protocol}: at most ${longest.ms.toFixed(1)} ms of processor (${longest.name})\n`);
}
