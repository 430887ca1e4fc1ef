import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { authorityFile, certificateFiles, type TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";
import { startTlsFronts } from "./tls-front.ts";
import { type TestUser, userOf, usersFor } from "./users-for.ts";

export const redisUsers = { ...usersFor("redis"), default: userOf("redis", "default") };

export interface TestRedis {
  readonly host: "127.0.0.1";
  /** In clear. */
  readonly port: number;
  /** `good` is Redis's own TLS, the others end in front of it. */
  readonly tls: TlsPorts;
  /** TLS that asks for a client certificate. */
  readonly mutual: number;
  /** `default` logs in by its password alone. `outsider` may run AUTH and HELLO: everything else is NOPERM. */
  readonly users: { readonly tester: TestUser; readonly outsider: TestUser; readonly default: TestUser };
  stop(): Promise<void>;
}

/** One Redis in about 0.1 s. Nobody may do anything without a log-in. It holds the key `greeting`. */
export async function startRedis(): Promise<TestRedis> {
  const command = findProgram("redis-server", "redis-server");
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("redis")).path;
  const [port, tlsPort] = [await freePort(), await freePort()];
  await writeFile(join(dir, "redis.conf"), redisConfig(port, tlsPort));
  stack.use(await runServer({ command, args: ["redis.conf"], dir, ports: [port, tlsPort] }));
  await askRedis(port, "SET greeting hello");
  const fronts = await startTlsFronts(port, stack);
  const owned = stack.move();
  return {
    host: "127.0.0.1",
    port,
    tls: { ...fronts.tls, good: tlsPort },
    mutual: fronts.mutual,
    users: redisUsers,
    stop: () => owned.disposeAsync(),
  };
}

/** Both ports with the same users. */
export function redisConfig(port: number, tlsPort: number): string {
  const { tester, outsider, default: unnamed } = redisUsers;
  const { cert, key } = certificateFiles("good");
  return `
bind 127.0.0.1
port ${port}
tls-port ${tlsPort}
tls-cert-file ${cert}
tls-key-file ${key}
tls-ca-cert-file ${authorityFile}
tls-auth-clients no
save ""
appendonly no
user default on >${unnamed.password} ~* &* +@all
user ${tester.username} on >${tester.password} ~* &* +@all
user ${outsider.username} on >${outsider.password} -@all +auth +hello
`;
}

/** What Redis answers to one command of the tester, after AUTH's own +OK. */
export async function askRedis(port: number, command: string): Promise<string> {
  const { username, password } = redisUsers.tester;
  const socket = connect(port, "127.0.0.1");
  socket.end(`AUTH ${username} ${password}\r\n${command}\r\nQUIT\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  if (/^-/m.test(answer)) throw new Error(`Redis refused ${command}: ${answer}`);
  return answer;
}
