import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../../support/free-port.ts";
import { kafkaLibs } from "../../support/kafka-libs.ts";
import { pem } from "../local-server.ts";

/** A real broker with a port for every way to reach one. */
export interface SecuredKafka {
  /** In clear, without a log-in. */
  readonly plain: string;
  /** TLS without a log-in; certificate for localhost. */
  readonly tls: string;
  /** A log-in in clear: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512. */
  readonly sasl: string;
  /** A log-in in TLS: PLAIN. */
  readonly saslTls: string;
  /** In clear; its clients are sent on to a port where nothing listens, which is `unreachable`. */
  readonly misadvertised: string;
  readonly unreachable: string;
  stop(): Promise<void>;
}

/** The one user of the broker. */
export const credentials = { username: "tester", password: "correct-horse-battery" };

/** Starts one in about 6 s; undefined where there is no Java, a failure there with REQUIRE_KAFKA=1. */
export async function startSecuredKafka(): Promise<SecuredKafka | undefined> {
  let libs: string;
  try {
    libs = await kafkaLibs();
  } catch (error) {
    if (process.env.REQUIRE_KAFKA === "1") throw error;
    return undefined;
  }
  const dir = await mkdtemp(join(tmpdir(), "connectory-secured-kafka-"));
  const [plain, tls, sasl, saslTls, astray, nowhere, controller] = await Promise.all(
    Array.from({ length: 7 }, () => freePort()),
  );
  const ports = { PLAIN: plain, TLS: tls, SASL: sasl, SASLTLS: saslTls, ASTRAY: astray };
  const config = join(dir, "server.properties");
  await writeFile(config, properties({ dir, ports, nowhere, controller }));
  const { username, password } = credentials;
  const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(
    (name) => `--add-scram=${name}=[name=${username},password=${password}]`,
  );
  const java = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m", "-cp", `${libs}/*`];
  const id = randomBytes(16).toString("base64url");
  await promisify(execFile)("java", [
    ...java,
    "kafka.tools.StorageTool",
    "format",
    `--cluster-id=${id}`,
    "-c",
    config,
    ...scram,
  ]);

  const broker = spawn("java", [...java, "kafka.Kafka", config], { stdio: "ignore" });
  const exited = once(broker, "exit");
  const kill = () => broker.kill("SIGKILL");
  process.once("exit", kill);
  const stop = async () => {
    kill();
    await exited;
    process.off("exit", kill);
    await rm(dir, { recursive: true, force: true });
  };
  for (const end = performance.now() + 60_000; !(await canConnect(sasl)); await sleep(100)) {
    if (performance.now() < end && broker.exitCode === null) continue;
    await stop();
    throw new Error("the secured Kafka broker did not start");
  }
  return {
    plain: `127.0.0.1:${plain}`,
    tls: `localhost:${tls}`,
    sasl: `127.0.0.1:${sasl}`,
    saslTls: `localhost:${saslTls}`,
    misadvertised: `127.0.0.1:${astray}`,
    unreachable: `127.0.0.1:${nowhere}`,
    stop,
  };
}

async function canConnect(port: number | undefined): Promise<boolean> {
  const socket = connect(port ?? 0, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

interface Settings {
  readonly dir: string;
  readonly ports: Readonly<Record<string, number | undefined>>;
  readonly nowhere: number | undefined;
  readonly controller: number | undefined;
}

function properties({ dir, ports, nowhere, controller }: Settings): string {
  const { username, password } = credentials;
  const listeners = Object.entries(ports).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  const advertised = Object.entries(ports).map(([name, port]) => {
    if (name === "ASTRAY") return `${name}://127.0.0.1:${nowhere}`;
    return name.endsWith("TLS") ? `${name}://localhost:${port}` : `${name}://127.0.0.1:${port}`;
  });
  const jaas = (module: string, more = "") => `org.apache.kafka.common.security.${module} required${more};`;
  const plainUser = ` username="${username}" password="${password}" user_${username}="${password}"`;
  const oneLine = (name: string) => pem(name).trim().replaceAll("\n", " ");
  return `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=${listeners.join(",")},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=${advertised.join(",")}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,TLS:SSL,SASL:SASL_PLAINTEXT,SASLTLS:SASL_SSL,ASTRAY:PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasltls.sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=${jaas("plain.PlainLoginModule", plainUser)}
listener.name.sasltls.plain.sasl.jaas.config=${jaas("plain.PlainLoginModule", plainUser)}
listener.name.sasl.scram-sha-256.sasl.jaas.config=${jaas("scram.ScramLoginModule")}
listener.name.sasl.scram-sha-512.sasl.jaas.config=${jaas("scram.ScramLoginModule")}
ssl.keystore.type=PEM
ssl.keystore.certificate.chain=${oneLine("server")}
ssl.keystore.key=${oneLine("server-key")}
log.dirs=${join(dir, "data")}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
`;
}
