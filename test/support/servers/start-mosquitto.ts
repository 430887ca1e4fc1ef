import { pbkdf2Sync, randomBytes } from "node:crypto";
import { globSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { MissingProgram } from "../missing-program.ts";
import { authorityFile, type Certificate, certificateFiles, type TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";
import { type TestUser, userOf, usersFor } from "./users-for.ts";
import { startWebsocketFront } from "./websocket-front.ts";

const users = usersFor("mosquitto");
const device = userOf("mosquitto", "device");

export interface TestMosquitto {
  readonly host: "127.0.0.1";
  /** MQTT 3.1.1 and 5 in clear. */
  readonly port: number;
  readonly tls: TlsPorts;
  /** TLS that asks for a client certificate; a user and a password are asked for all the same. */
  readonly mutual: number;
  /** MQTT in WebSocket frames (subprotocol `mqtt`, any path), without and with TLS (the good certificate). */
  readonly websocket: number;
  readonly websocketTls: number;
  /** `outsider` may connect; SUBSCRIBE and PUBLISH are answered "not authorized" (0x87, in 3.1.1 SUBACK 0x80). */
  readonly users: { readonly tester: TestUser; readonly outsider: TestUser };
  /** May do everything, under the client id `device-1` alone. */
  readonly device: TestUser;
  stop(): Promise<void>;
}

/** One Mosquitto in about 0.1 s. Nobody connects without a password. Its topics are its own, under `$SYS/`. */
export async function startMosquitto(): Promise<TestMosquitto> {
  const command = findProgram("mosquitto", "mosquitto");
  const plugin = findSecurityPlugin();
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("mosquitto")).path;
  const port = await freePort();
  const tls = { good: await freePort(), expired: await freePort(), "other-name": await freePort() };
  const mutual = await freePort();
  await writeFile(join(dir, "security.json"), JSON.stringify(security()));
  await writeFile(
    join(dir, "mosquitto.conf"),
    `
user ${userInfo().username}
allow_anonymous false
plugin ${plugin}
plugin_opt_config_file ${join(dir, "security.json")}
listener ${port} 127.0.0.1
${tlsListener(tls.good, "good")}
${tlsListener(tls.expired, "expired")}
${tlsListener(tls["other-name"], "other-name")}
${tlsListener(mutual, "good")}
cafile ${authorityFile}
require_certificate true
`,
  );
  const ports = [port, ...Object.values(tls), mutual];
  stack.use(await runServer({ command, args: ["-c", "mosquitto.conf"], dir, ports }));
  const websocket = stack.use(await startWebsocketFront({ port, protocol: "mqtt" })).port;
  const websocketTls = stack.use(await startWebsocketFront({ port, protocol: "mqtt", certificate: "good" })).port;
  const owned = stack.move();
  const stop = () => owned.disposeAsync();
  return { host: "127.0.0.1", port, tls, mutual, websocket, websocketTls, users, device, stop };
}

function tlsListener(port: number, certificate: Certificate): string {
  const { cert, key } = certificateFiles(certificate);
  return `listener ${port} 127.0.0.1\ncertfile ${cert}\nkeyfile ${key}`;
}

/** Mosquitto's own plugin. A plain ACL file can deny what is delivered, but never a subscription itself. */
function findSecurityPlugin(): string {
  const name = "mosquitto_dynamic_security.so";
  const [path] = globSync([`/usr/lib/${name}`, `/usr/lib/*/${name}`, `/usr/local/lib/${name}`]);
  if (path === undefined) throw new MissingProgram(`${name} is not installed (Debian: apt-get install mosquitto)`);
  return path;
}

function security() {
  const allow = (acltype: string) => ["#", "$SYS/#"].map((topic) => ({ acltype, topic, allow: true, priority: 0 }));
  const everything = ["publishClientSend", "publishClientReceive", "subscribePattern", "unsubscribePattern"];
  return {
    defaultACLAccess: { publishClientSend: false, publishClientReceive: false, subscribe: false, unsubscribe: false },
    roles: [{ rolename: "everything", acls: everything.flatMap(allow) }],
    clients: [
      { ...login(users.tester), roles: [{ rolename: "everything" }] },
      { ...login(users.outsider), roles: [] },
      { ...login(device), clientid: "device-1", roles: [{ rolename: "everything" }] },
    ],
  };
}

function login({ username, password }: TestUser) {
  const [salt, iterations] = [randomBytes(12), 101];
  const hash = pbkdf2Sync(password, salt, iterations, 64, "sha512").toString("base64");
  return { username, password: hash, salt: salt.toString("base64"), iterations };
}
