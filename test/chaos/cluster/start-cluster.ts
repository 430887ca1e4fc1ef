import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { startIssuer } from "../../support/issuer.ts";
import { startKafka, type TestKafka } from "../../support/kafka-broker.ts";
import { kafkaLibs } from "../../support/kafka-libs.ts";
import { type Clock, createClock, findFaketime } from "./clock.ts";
import { type NetworkProxy, openNetworkProxy } from "./network-proxy.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";
import { type ChaosPostgres, startPostgres } from "./start-postgres.ts";
import { type SupervisedServer, superviseServer } from "./supervise-server.ts";

/** Three servers of the service with a PostgreSQL and a Kafka behind networks that can be cut. */
export interface Cluster {
  readonly servers: readonly SupervisedServer[];
  readonly database: ChaosPostgres;
  /** Between each server and the database. */
  readonly databaseNetworks: readonly NetworkProxy[];
  readonly kafka: TestKafka;
  readonly kafkaNetwork: NetworkProxy;
  readonly clocks: { readonly servers: readonly Clock[]; readonly database: Clock } | undefined;
  readonly disks: { readonly database: SmallDisk; readonly log: SmallDisk } | undefined;
  /** What cannot be tried on this machine, a sentence each. */
  readonly missing: readonly string[];
  /** A token of an admin of this organization. */
  token(organization: string): Promise<string>;
  /** Copies the logs of all parts into a folder that stays, and answers with its path. */
  keepLogs(): Promise<string>;
  stop(): Promise<void>;
}

const serverCount = 3;

export async function startCluster(): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "connectory-chaos-"));
  stack.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  await chmod(dir, 0o755); // PostgreSQL has another user, and reads its clock here
  const [databaseDir, logDir] = [join(dir, "database"), join(dir, "log")];
  const mount = async (path: string, megabytes: number) => {
    await mkdir(path);
    const disk = await mountSmallDisk(path, megabytes);
    if (typeof disk !== "string") stack.defer(disk.unmount);
    return disk;
  };
  const missing: string[] = [];
  const [database, log] = [await mount(databaseDir, 1024), await mount(logDir, 128)];
  const disks = typeof database === "string" || typeof log === "string" ? undefined : { database, log };
  if (disks === undefined) missing.push(`full disks: ${[database, log].find((one) => typeof one === "string")}`);
  const faketime = findFaketime();
  if (faketime === undefined)
    missing.push("clock steps: libfaketime is not installed (Debian: apt-get install faketime)");
  const clockOf = (name: string) => createClock(join(dir, `clock-${name}`), faketime);

  const issuer = await startIssuer();
  stack.defer(() => issuer.stop());
  const databaseClock = await clockOf("database");
  const postgresLog = join(dir, "postgres.log");
  const postgres = await startPostgres({
    dir: databaseDir,
    logFile: postgresLog,
    environment: databaseClock.environment,
  });
  stack.defer(postgres.kill);
  let behindKafkaNetwork = 0;
  const kafkaNetwork = await openNetworkProxy(() => behindKafkaNetwork);
  stack.defer(kafkaNetwork.close);
  const kafka = await startKafka(await kafkaLibs(), kafkaNetwork.port);
  behindKafkaNetwork = kafka.behindProxy;
  stack.defer(kafka.stop);

  const secretKeys = `chaos:${randomBytes(32).toString("base64")}`;
  const parts = await Promise.all(
    Array.from({ length: serverCount }, async (_, index) => {
      const name = `server ${index + 1}`;
      const network = await openNetworkProxy(() => postgres.port);
      stack.defer(network.close);
      const clock = await clockOf(`server-${index + 1}`);
      const server = await superviseServer({
        name,
        ports: { grpc: await freePort(), http: await freePort() },
        logFile: join(logDir, `server-${index + 1}.log`),
        environment: {
          ...issuer.environment,
          ...clock.environment,
          DATA_DIR: join(dir, `data-${index + 1}`),
          DATABASE_URL: `postgresql://connectory@127.0.0.1:${network.port}/postgres`,
          SECRET_KEYS: secretKeys,
          KAFKA_BROKERS: `127.0.0.1:${kafkaNetwork.port}`,
          AUTH_DEFAULT_ROLE: "none",
          LOG_LEVEL: "info",
        },
      });
      stack.defer(server.stop);
      return { server, network, clock };
    }),
  );
  const owned = stack.move();
  return {
    servers: parts.map(({ server }) => server),
    database: postgres,
    databaseNetworks: parts.map(({ network }) => network),
    kafka,
    kafkaNetwork,
    clocks: faketime === undefined ? undefined : { servers: parts.map(({ clock }) => clock), database: databaseClock },
    disks,
    missing,
    token: (organization) =>
      issuer.sign({ sub: "writer", org: organization, roles: ["admin"], exp: Math.floor(Date.now() / 1000) + 86_400 }),
    keepLogs: async () => {
      const kept = await mkdtemp(join(tmpdir(), "connectory-chaos-logs-"));
      await copyFile(postgresLog, join(kept, "postgres.log"));
      for (const index of parts.keys())
        await copyFile(join(logDir, `server-${index + 1}.log`), join(kept, `server-${index + 1}.log`));
      return kept;
    },
    stop: () => owned.disposeAsync(),
  };
}
