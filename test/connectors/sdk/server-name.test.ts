import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { serverName } from "../../support/server-name.ts";
import { type LocalServer, pem, startLocalServer } from "../local-server.ts";
import { greeting } from "../mysql/fake-mysql.ts";
import { greeting as natsGreeting } from "../nats/fake-nats.ts";
import { tryConnector } from "../run-probe.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Hangs up on a ClientHello, and keeps the names in all of them. */
async function serve(before: (socket: Socket) => void = () => {}) {
  const names: (string | undefined)[] = [];
  const server = await startLocalServer((socket) => {
    before(socket);
    socket.on("data", (bytes: Buffer) => {
      // A request for TLS in the protocol's own words may come with it.
      const hello = bytes.indexOf(Buffer.from([0x16, 3, 1]));
      if (hello < 0) return;
      names.push(serverName(bytes.subarray(hello)));
      socket.destroy();
    });
  });
  servers.push(server);
  return { names, port: server.port };
}

const tls = { ca: pem("authority") };
const user = { username: "ann", password: "p" };
const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "s" };
const informs = (socket: Socket) => void socket.write(natsGreeting({ tls_required: true }));
const accepts = (socket: Socket) => void socket.once("data", () => socket.write("S"));
const greets = (socket: Socket) => void socket.write(greeting({ lower: 0x800 }));

/** A test of every connector with TLS at a host. */
const tests = {
  kafka: (host: string, port: number) => tryConnector("kafka", { bootstrapServers: `${host}:${port}`, tls }),
  confluent: (host: string, port: number) =>
    tryConnector("confluent", { bootstrapServers: `${host}:${port}`, key: "k", secret: "s" }),
  "kafka, its token endpoint": async (host: string, port: number) => {
    const broker = await serve();
    const sasl = { protocol: "SASL_PLAINTEXT", mechanism: "OAUTHBEARER", username: "a", password: "p" };
    const oauthTokenEndpoint = `https://${host}:${port}/token`;
    return tryConnector("kafka", {
      bootstrapServers: `127.0.0.1:${broker.port}`,
      sasl: { ...sasl, oauthTokenEndpoint },
    });
  },
  postgres: (host: string, port: number) => tryConnector("postgres", { host, port, ...user, tls }),
  mysql: (host: string, port: number) => tryConnector("mysql", { host, port, ...user, tls }),
  mqtt: (host: string, port: number) => tryConnector("mqtt", { url: `mqtts://${host}:${port}`, tls }),
  "mqtt over WebSocket": (host: string, port: number) => tryConnector("mqtt", { url: `wss://${host}:${port}`, tls }),
  redis: (host: string, port: number) => tryConnector("redis", { address: `rediss://${host}:${port}`, tls }),
  nats: (host: string, port: number) => tryConnector("nats", { servers: `tls://${host}:${port}`, tls }),
  rabbitmq: (host: string, port: number) => tryConnector("rabbitmq", { host, port, ...user, tls }),
  amqp: (host: string, port: number) => tryConnector("amqp", { host, port, ...user, tls }),
  iceberg: (host: string, port: number) => tryConnector("iceberg", { url: `https://${host}:${port}`, tls }),
  http: (host: string, port: number) => tryConnector("http", { url: `https://${host}:${port}`, tls }),
  websocket: (host: string, port: number) => tryConnector("websocket", { url: `wss://${host}:${port}`, tls }),
  s3: (host: string, port: number) =>
    tryConnector("s3", { endpoint: `https://${host}:${port}`, bucket: "a", forcePathStyle: true, ...keys, tls }),
};
const preludes: Readonly<Record<string, (socket: Socket) => void>> = {
  nats: informs,
  postgres: accepts,
  mysql: greets,
};

test.each(Object.entries(tests))("%s sends a name without its final dot, and no address", async (id, run) => {
  const dotted = await serve(preludes[id]);
  await run("localhost.", dotted.port);
  expect(new Set(dotted.names)).toEqual(new Set(["localhost"]));
  const address = await serve(preludes[id]);
  await run("127.0.0.1", address.port);
  expect(new Set(address.names)).toEqual(new Set([""]));
});

test("an expected name has no final dot either", async () => {
  const { names, port } = await serve();
  await tryConnector("redis", { address: `rediss://127.0.0.1:${port}`, tls: { serverName: "redis.example." } });
  expect(names).toEqual(["redis.example"]);
});
