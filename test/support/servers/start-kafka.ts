import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Kafka, logLevel } from "kafkajs";
import { patchKafkajs } from "../../../src/kafka/patch-kafkajs.ts";
import { freePort } from "../free-port.ts";
import { kafkaLibs } from "../kafka-libs.ts";
import { authority, type Certificate, certificateTexts, type TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";
import { type TestUser, usersFor } from "./users-for.ts";

const users = usersFor("kafka");

export interface TestKafka {
  readonly host: "127.0.0.1";
  /** In clear, without a log-in; who comes so may do everything. */
  readonly port: number;
  /** The same in TLS. */
  readonly tls: TlsPorts;
  /** The same in TLS with a client certificate. */
  readonly mutual: number;
  /** Log-ins in clear: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, and OAUTHBEARER with tokens that nobody has signed. */
  readonly sasl: number;
  /** The first three in TLS. */
  readonly saslTls: TlsPorts;
  /** In clear, without a log-in; its clients are sent on to `to` (host:port), where by default nobody listens. */
  readonly astray: { readonly port: number; readonly to: string };
  /** The outsider logs in, sees no topic, and is refused what it asks by name (29, 30, 31). */
  readonly users: { readonly tester: TestUser; readonly outsider: TestUser };
  readonly topics: readonly ["customers", "orders"];
  stop(): Promise<void>;
}

/** One broker (KRaft) in about 7 s. `astray`: host:port, see TestKafka. */
export async function startKafka(options: { readonly astray?: string } = {}): Promise<TestKafka> {
  const libs = await kafkaLibs();
  const command = findProgram("java", "openjdk-17-jre-headless");
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("kafka")).path;
  const config = join(dir, "server.properties");
  const ports = Object.fromEntries(
    await Promise.all(Object.keys(listeners).map(async (name) => [name, await freePort()] as const)),
  );
  const to = options.astray ?? `127.0.0.1:${await freePort()}`;
  const controller = await freePort();
  await writeFile(config, properties({ dir, ports, to, controller }));
  const java = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m", "-cp", `${libs}/*`];
  const storage = ["kafka.tools.StorageTool", "format", `--cluster-id=${randomBytes(16).toString("base64url")}`];
  await promisify(execFile)(command, [...java, ...storage, "-c", config, ...scramUsers]);
  const args = [...java, "kafka.Kafka", config];
  stack.use(await runServer({ command, args, dir, ports: Object.values(ports) }));
  const at = (name: Listener) => ports[name] ?? 0;
  await createTopics(at("CLEAR"));
  const owned = stack.move();
  return {
    host: "127.0.0.1",
    port: at("CLEAR"),
    tls: { good: at("GOOD"), expired: at("EXPIRED"), "other-name": at("OTHER") },
    mutual: at("MUTUAL"),
    sasl: at("SASL"),
    saslTls: { good: at("SASLGOOD"), expired: at("SASLEXPIRED"), "other-name": at("SASLOTHER") },
    astray: { port: at("ASTRAY"), to },
    users,
    topics: ["customers", "orders"],
    stop: () => owned.disposeAsync(),
  };
}

type Protocol = "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";

/** One port each. */
const listeners = {
  CLEAR: { protocol: "PLAINTEXT" },
  ASTRAY: { protocol: "PLAINTEXT" },
  GOOD: { protocol: "SSL", certificate: "good" },
  EXPIRED: { protocol: "SSL", certificate: "expired" },
  OTHER: { protocol: "SSL", certificate: "other-name" },
  MUTUAL: { protocol: "SSL", certificate: "good" },
  SASL: { protocol: "SASL_PLAINTEXT" },
  SASLGOOD: { protocol: "SASL_SSL", certificate: "good" },
  SASLEXPIRED: { protocol: "SASL_SSL", certificate: "expired" },
  SASLOTHER: { protocol: "SASL_SSL", certificate: "other-name" },
} as const satisfies Record<string, { readonly protocol: Protocol; readonly certificate?: Certificate }>;

type Listener = keyof typeof listeners;

interface Settings {
  readonly dir: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly to: string;
  readonly controller: number;
}

/** Those without a log-in are ANONYMOUS, those with a certificate have its name. */
const masters = [users.tester.username, "ANONYMOUS", "CN=client"].map((name) => `User:${name}`);

function properties({ dir, ports, to, controller }: Settings): string {
  const addresses = Object.entries(ports).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  const advertised = addresses.map((address) => (address.startsWith("ASTRAY") ? `ASTRAY://${to}` : address));
  const protocols = Object.entries(listeners).map(([name, { protocol }]) => `${name}:${protocol}`);
  return `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=${addresses.join(",")},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=${advertised.join(",")}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLEAR
listener.security.protocol.map=CONTROLLER:PLAINTEXT,${protocols.join(",")}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=${masters.join(";")}
${Object.entries(listeners)
  .map(([name, listener]) => listenerSettings(name.toLowerCase(), listener))
  .join("\n")}
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.truststore.type=PEM
listener.name.mutual.ssl.truststore.certificates=${oneLine(authority)}
log.dirs=${join(dir, "data")}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
`;
}

const oneLine = (pem: string) => pem.trim().replaceAll("\n", " ");

function listenerSettings(
  name: string,
  o: { readonly protocol: Protocol; readonly certificate?: Certificate },
): string {
  const lines: string[] = [];
  if (o.certificate !== undefined) {
    const { cert, key } = certificateTexts(o.certificate);
    lines.push("ssl.keystore.type=PEM", `ssl.keystore.certificate.chain=${oneLine(cert)}`);
    lines.push(`ssl.keystore.key=${oneLine(key)}`);
  }
  if (o.protocol.startsWith("SASL")) {
    const names = Object.values(users).map(({ username, password }) => ` user_${username}="${password}"`);
    lines.push(
      `plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required${names.join("")};`,
    );
    for (const mechanism of ["scram-sha-256", "scram-sha-512"]) {
      lines.push(`${mechanism}.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;`);
    }
  }
  return lines.map((line) => `listener.name.${name}.${line}`).join("\n");
}

const scramUsers = Object.values(users).flatMap(({ username, password }) =>
  ["SCRAM-SHA-256", "SCRAM-SHA-512"].map((name) => `--add-scram=${name}=[name=${username},password=${password}]`),
);

async function createTopics(port: number): Promise<void> {
  patchKafkajs();
  const admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics: [{ topic: "customers" }, { topic: "orders", numPartitions: 2 }] });
  } finally {
    await admin.disconnect();
  }
}
