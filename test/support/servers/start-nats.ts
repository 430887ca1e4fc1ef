import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { canary } from "../canary.ts";
import { freePort } from "../free-port.ts";
import { authorityFile, type Certificate, certificateFiles, type TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { goProgram, goPrograms } from "./go-program.ts";
import accounts from "./nats-accounts.json" with { type: "json" };
import { runServer } from "./run-server.ts";
import { type TestUser, usersFor } from "./users-for.ts";

export const natsUsers = usersFor("nats");
const token = canary("nats-token");

/** What a user proves who it is with, where it has no password. `seed` is the private key. */
interface NatsKey {
  readonly jwt: string;
  readonly seed: string;
}

export interface TestNats {
  readonly host: "127.0.0.1";
  /** In clear; users with passwords. JetStream is on, with an empty stream `ORDERS` (subjects `orders.>`). */
  readonly port: number;
  /** The same users. The greeting (INFO) is in clear and says that TLS is required. */
  readonly tls: TlsPorts;
  /** TLS that asks for a client certificate, the same users. */
  readonly mutual: number;
  /** Nobody logs in. */
  readonly open: number;
  readonly token: { readonly port: number; readonly value: string };
  /** Log-ins with a JWT and the signature of its key. These secrets are the same in every run. */
  readonly jwt: { readonly port: number; readonly tester: NatsKey; readonly outsider: NatsKey };
  /** `outsider` may connect; PUB and SUB are answered with a permissions violation. */
  readonly users: { readonly tester: TestUser; readonly outsider: TestUser };
  stop(): Promise<void>;
}

/** Eight NATS servers, because one has one way to log in and one certificate, in about 0.3 s. */
export async function startNats(): Promise<TestNats> {
  const command = await goProgram(goPrograms.natsServer);
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("nats")).path;
  const run = async (name: string, ...config: string[]) => {
    const [port, home] = [await freePort(), join(dir, name)];
    await mkdir(home);
    await writeFile(join(home, "nats.conf"), [`listen: "127.0.0.1:${port}"`, ...config].join("\n"));
    stack.use(await runServer({ command, args: ["-c", "nats.conf"], dir: home, ports: [port] }));
    return port;
  };
  const jetStream = `jetstream { store_dir: "${join(dir, "streams")}" }`;
  const port = await run("clear", passwords, jetStream);
  await createStream(port);
  const tls = {
    good: await run("good", passwords, `tls { ${pair("good")} }`),
    expired: await run("expired", passwords, `tls { ${pair("expired")} }`),
    "other-name": await run("other-name", passwords, `tls { ${pair("other-name")} }`),
  };
  const mutual = await run("mutual", passwords, `tls { ${pair("good")}, ca_file: "${authorityFile}", verify: true }`);
  const open = await run("open");
  const withToken = await run("token", `authorization { token: "${token}" }`);
  const withJwt = await run("jwt", operator);
  const owned = stack.move();
  return {
    host: "127.0.0.1",
    port,
    tls,
    mutual,
    open,
    token: { port: withToken, value: token },
    jwt: { port: withJwt, tester: accounts.tester, outsider: accounts.outsider },
    users: natsUsers,
    stop: () => owned.disposeAsync(),
  };
}

const nothing = '{ publish: { deny: ">" }, subscribe: { deny: ">" } }';

/** A part of a configuration: the users who log in with a password. */
export const passwords = `authorization { users: [
  { user: "${natsUsers.tester.username}", password: "${natsUsers.tester.password}" }
  { user: "${natsUsers.outsider.username}", password: "${natsUsers.outsider.password}", permissions: ${nothing} }
] }`;

const operator = `
operator: ${accounts.operator}
resolver: MEMORY
resolver_preload: { ${accounts.account.id}: ${accounts.account.jwt} }
`;

function pair(certificate: Certificate): string {
  const { cert, key } = certificateFiles(certificate);
  return `cert_file: "${cert}", key_file: "${key}"`;
}

async function createStream(port: number): Promise<void> {
  const { username: user, password: pass } = natsUsers.tester;
  const connection = await connect({ servers: `127.0.0.1:${port}`, user, pass });
  const stream = { name: "ORDERS", subjects: ["orders.>"], storage: "memory" };
  const answer = await connection.request("$JS.API.STREAM.CREATE.ORDERS", JSON.stringify(stream));
  await connection.close();
  if (answer.json<{ error?: object }>().error) throw new Error(`NATS made no stream: ${answer.string()}`);
}
