import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { authorityFile, certificateFiles, type TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";
import { startTlsFronts } from "./tls-front.ts";
import { type TestUser, usersFor } from "./users-for.ts";

const users = usersFor("rabbitmq");

/** The ports of one of its protocols: in clear, in TLS (`good` is RabbitMQ's own), and asking for a certificate. */
interface RabbitmqPorts {
  readonly port: number;
  readonly tls: TlsPorts;
  readonly mutual: number;
}

export interface TestRabbitmq {
  readonly host: "127.0.0.1";
  /** AMQP 0-9-1. */
  readonly amqp: RabbitmqPorts;
  /** The stream protocol. */
  readonly stream: RabbitmqPorts;
  /** The management plugin's HTTP API; only with the option. */
  readonly management: number | undefined;
  /** Has the queue `orders` and the stream `events`, both empty. */
  readonly vhost: "shop";
  /** The tester has every right in `/` and in `shop`; the outsider logs in and is refused every vhost. No `guest`. */
  readonly users: { readonly tester: TestUser; readonly outsider: TestUser };
  stop(): Promise<void>;
}

export interface RabbitmqOptions {
  readonly management?: boolean;
  /** Where the stream protocol says that a stream lives: by default 127.0.0.1 and its own port. */
  readonly advertisedHost?: string;
  readonly advertisedPort?: number;
}

/** One RabbitMQ in about 7 s, nearly all of it computing. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<TestRabbitmq> {
  const places = ["/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin"];
  const command = findProgram("rabbitmq-server", "rabbitmq-server", places);
  const epmd = findProgram("epmd", "erlang-base");
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("rabbitmq")).path;
  const [amqp, amqpTls, stream, streamTls] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const management = options.management ? await freePort() : undefined;
  const plugins = ["rabbitmq_stream", ...(management === undefined ? [] : ["rabbitmq_management"])];
  await writeFile(join(dir, "enabled_plugins"), `[${plugins.join(",")}].`);
  await writeFile(join(dir, "definitions.json"), JSON.stringify(definitions));
  await writeFile(
    join(dir, "rabbitmq.conf"),
    config({ dir, amqp, amqpTls, stream, streamTls, management, advertised: options }),
  );
  // Erlang's own directory of nodes, which would otherwise be started in the background and stay for ever.
  const names = await freePort();
  stack.use(
    await runServer({ command: epmd, args: ["-address", "127.0.0.1", "-port", `${names}`], dir, ports: [names] }),
  );
  const env = await environment(dir, names);
  const ports = [amqp, amqpTls, stream, streamTls, ...(management === undefined ? [] : [management])];
  stack.use(await runServer({ command, args: [], dir, env, ports }));
  const amqpFronts = await startTlsFronts(amqp, stack);
  const streamFronts = await startTlsFronts(stream, stack);
  const owned = stack.move();
  return {
    host: "127.0.0.1",
    amqp: { port: amqp, tls: { ...amqpFronts.tls, good: amqpTls }, mutual: amqpFronts.mutual },
    stream: { port: stream, tls: { ...streamFronts.tls, good: streamTls }, mutual: streamFronts.mutual },
    management,
    vhost: "shop",
    users,
    stop: () => owned.disposeAsync(),
  };
}

async function environment(dir: string, names: number): Promise<Record<string, string>> {
  return {
    RUNNING_UNDER_SYSTEMD: "true", // the script becomes Erlang, instead of waiting for it
    RABBITMQ_NODENAME: "test@localhost",
    RABBITMQ_CONFIG_FILE: join(dir, "rabbitmq.conf"),
    RABBITMQ_CONF_ENV_FILE: join(dir, "none"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, "enabled_plugins"),
    RABBITMQ_MNESIA_BASE: join(dir, "data"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_LOG_BASE: dir,
    RABBITMQ_PID_FILE: join(dir, "pid"),
    RABBITMQ_DIST_PORT: `${await freePort()}`,
    ERL_EPMD_PORT: `${names}`,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 2 +sbwt none +sbwtdcpu none +sbwtdio none",
  };
}

function config(options: {
  readonly dir: string;
  readonly amqp: number;
  readonly amqpTls: number;
  readonly stream: number;
  readonly streamTls: number;
  readonly management: number | undefined;
  readonly advertised: RabbitmqOptions;
}): string {
  const { cert, key } = certificateFiles("good");
  const { advertisedHost = "127.0.0.1", advertisedPort } = options.advertised;
  return `
listeners.tcp.1 = 127.0.0.1:${options.amqp}
listeners.ssl.1 = 127.0.0.1:${options.amqpTls}
ssl_options.cacertfile = ${authorityFile}
ssl_options.certfile = ${cert}
ssl_options.keyfile = ${key}
ssl_options.verify = verify_none
stream.listeners.tcp.1 = 127.0.0.1:${options.stream}
stream.listeners.ssl.1 = 127.0.0.1:${options.streamTls}
stream.advertised_host = ${advertisedHost}
stream.advertised_port = ${advertisedPort ?? options.stream}
stream.advertised_tls_host = ${advertisedHost}
stream.advertised_tls_port = ${advertisedPort ?? options.streamTls}
load_definitions = ${join(options.dir, "definitions.json")}
loopback_users = none
log.console.level = warning
${options.management === undefined ? "" : `management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = ${options.management}`}
`;
}

const everything = { configure: ".*", write: ".*", read: ".*" };
const vhosts = ["/", "shop"].map((name) => ({ name }));

const definitions = {
  users: Object.values(users).map(({ username, password }) => ({
    name: username,
    password,
    tags: username === users.tester.username ? "administrator" : "",
  })),
  vhosts,
  permissions: vhosts.map(({ name }) => ({ user: users.tester.username, vhost: name, ...everything })),
  queues: [
    { name: "orders", vhost: "shop", durable: true, auto_delete: false, arguments: {} },
    { name: "events", vhost: "shop", durable: true, auto_delete: false, arguments: { "x-queue-type": "stream" } },
  ],
};
