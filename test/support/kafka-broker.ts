import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { type KafkaProxy, startKafkaProxy } from "./kafka-proxy.ts";

/** One real Kafka broker (KRaft, controller and broker in one process) with a data directory of its own. */
export interface TestKafka {
  /** Where clients connect. */
  readonly brokers: string[];
  /** The same broker behind a proxy that can lose answers. */
  readonly proxy: KafkaProxy;
  /** Where that proxy leads: a listener whose clients are sent to the proxy, or to the port that was asked for. */
  readonly behindProxy: number;
  /** Kills the broker (SIGKILL); its data stays. */
  kill(): Promise<void>;
  /** Stops the broker's process without ending it (SIGSTOP): sockets stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same ports and data. Resolves when it serves. */
  restart(): Promise<void>;
  /** Kills the broker for good and removes its data. */
  stop(): Promise<void>;
}

/**
 * Starts a broker in about 5 s on two cores (format 1.5 s, start 3 s). `front` is the port of a proxy of the caller's own, which takes
 * the place of the one that is here.
 */
export async function startKafka(libs: string, front?: number): Promise<TestKafka> {
  const dir = await mkdtemp(join(tmpdir(), "connectory-kafka-"));
  const [port, behindProxy, controller] = [await freePort(), await freePort(), await freePort()];
  const proxy = await startKafkaProxy(behindProxy);
  const java = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", `${libs}/*`];
  const config = join(dir, "server.properties");
  const logFile = join(dir, "broker.log");
  await writeFile(join(dir, "log4j2.properties"), log4j);
  await writeFile(config, properties({ dir, port, behindProxy, controller, proxy: front ?? proxy.port }));
  java.unshift(`-Dlog4j2.configurationFile=${join(dir, "log4j2.properties")}`);
  const clusterId = randomBytes(16).toString("base64url");
  await promisify(execFile)("java", [
    ...java,
    "kafka.tools.StorageTool",
    "format",
    `--cluster-id=${clusterId}`,
    "-c",
    config,
  ]);

  const start = async () => {
    const process = spawnJava([...java, "kafka.Kafka", config], logFile);
    const deadline = performance.now() + 60_000;
    while (!(await canConnect(port))) {
      if (process.exited() || performance.now() > deadline) {
        await process.kill();
        throw new Error(`the Kafka broker did not start:\n${(await readFile(logFile, "utf8")).slice(-2000)}`);
      }
      await sleep(50);
    }
    return process;
  };

  let broker = await start();
  return {
    brokers: [`127.0.0.1:${port}`],
    proxy,
    behindProxy,
    kill: () => broker.kill(),
    pause: () => broker.signal("SIGSTOP"),
    resume: () => broker.signal("SIGCONT"),
    async restart() {
      await broker.kill();
      broker = await start();
    },
    async stop() {
      await proxy.close();
      await broker.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/**
 * Java under a shell that kills it when our end of the pipe closes: whatever ends this process, SIGKILL included, no
 * broker is left behind. The first line of output is Java's process id; the rest goes to stderr.
 */
const watchedJava = `
exec 3<&0 </dev/null
java "$@" 3<&- >&2 &
java=$!
echo $java
(cat <&3 >/dev/null; kill -9 $java) 2>/dev/null &
exec 3<&-
wait $java
`;

function spawnJava(args: readonly string[], logFile: string) {
  const log = openSync(logFile, "a");
  const shell = spawn("sh", ["-c", watchedJava, "sh", ...args], { stdio: ["pipe", "pipe", log] });
  closeSync(log);
  const exit = once(shell, "exit");
  let pid = 0;
  shell.stdout?.on("data", (chunk) => {
    pid ||= Number(String(chunk).trim());
  });
  return {
    exited: () => shell.exitCode !== null || shell.signalCode !== null,
    signal: (name: NodeJS.Signals) => process.kill(pid, name),
    async kill() {
      shell.stdin?.end();
      await exit;
    },
  };
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

interface Ports {
  readonly dir: string;
  readonly port: number;
  readonly behindProxy: number;
  readonly controller: number;
  readonly proxy: number;
}

// The short session: a broker that was killed is let back in at once, not after 9 s.
const properties = ({ dir, port, behindProxy, controller, proxy }: Ports) => `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=DIRECT://127.0.0.1:${port},PROXIED://127.0.0.1:${behindProxy},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=DIRECT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxy}
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,DIRECT:PLAINTEXT,PROXIED:PLAINTEXT
log.dirs=${join(dir, "data")}
num.partitions=3
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
auto.create.topics.enable=false
`;

const log4j = `
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
`;
