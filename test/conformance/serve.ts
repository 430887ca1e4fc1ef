import { create, createRegistry, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { TlsFiles } from "../../src/server/listener/tls-files.ts";
import { readConformanceSchema, type ServerRequest } from "./conformance-schema.ts";
import type { Serve } from "./conformance-server.ts";
import { conformanceRoutes } from "./conformance-service.ts";
import { serveBareConnect } from "./serve-bare-connect.ts";
import { serveBareGrpcJs } from "./serve-bare-grpc-js.ts";
import { serveConnectoryGrpc, serveConnectoryHttp } from "./serve-connectory.ts";

const servers: Readonly<Record<string, Serve>> = {
  "connectory-grpc": serveConnectoryGrpc,
  "connectory-http": serveConnectoryHttp,
  "bare-grpc-js": serveBareGrpcJs,
  "bare-connect": serveBareConnect,
};

// The program that the suite starts, once for each kind of server that it wants: node serve.ts SERVER DESCRIPTORS. It
// reads one message, which says what is wanted, and writes one, which says where it listens.
const [, , name = "", descriptors = ""] = process.argv;
const serve = servers[name];
if (serve === undefined) throw new Error(`no server is called ${name}`);
const schema = await readConformanceSchema(descriptors);
const wanted = fromBinary(schema.message("ServerCompatRequest"), await readDelimited()) as Message & ServerRequest;
const port = await serve({
  routes: conformanceRoutes(schema),
  registry: createRegistry(...schema.registry),
  tls: tlsOf(wanted),
  maxMessageBytes: wanted.messageReceiveLimit === 0 ? 2 ** 22 : wanted.messageReceiveLimit,
  http2: wanted.httpVersion === 2,
});
const response = schema.message("ServerCompatResponse");
const pemCert = wanted.serverCreds?.cert ?? new Uint8Array();
const bytes = toBinary(response, create(response, { host: "127.0.0.1", port, pemCert }));
const size = Buffer.alloc(4);
size.writeUInt32BE(bytes.length);
process.stdout.write(Buffer.concat([size, bytes]));

function tlsOf({ serverCreds, clientTlsCert }: ServerRequest): TlsFiles | undefined {
  if (serverCreds === undefined || serverCreds.cert.length === 0) return undefined;
  return {
    cert: Buffer.from(serverCreds.cert),
    key: Buffer.from(serverCreds.key),
    clientCa: clientTlsCert.length === 0 ? undefined : Buffer.from(clientTlsCert),
  };
}

async function readDelimited(): Promise<Uint8Array> {
  let read = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    read = Buffer.concat([read, chunk]);
    if (read.length >= 4 && read.length >= 4 + read.readUInt32BE(0)) return read.subarray(4, 4 + read.readUInt32BE(0));
  }
  throw new Error("the suite did not say which server it wants");
}
