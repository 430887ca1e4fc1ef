import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canary } from "../canary.ts";
import { freePort } from "../free-port.ts";
import { authorityFile, type Certificate, certificateFiles, type TlsPorts } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";
import { type TestUser, usersFor } from "./users-for.ts";

const users = usersFor("nginx");
const token = canary("nginx-token");
const apiKey = canary("nginx-api-key");

export interface TestNginx {
  readonly host: "127.0.0.1";
  /** HTTP/1.1 in clear. */
  readonly port: number;
  /** HTTPS, HTTP/1.1 and 2. */
  readonly tls: TlsPorts;
  /** HTTPS that answers 400 to clients without a certificate of the authority. */
  readonly mutual: number;
  /** `/private`: 200 for the tester, 403 for the outsider, else 401. */
  readonly users: { readonly tester: TestUser; readonly outsider: TestUser };
  /** `/bearer`: 200 with it, else 401. */
  readonly token: string;
  /** `/keyed`: 200 with it in `x-api-key`, else 403. */
  readonly apiKey: string;
  stop(): Promise<void>;
}

/** One nginx in about 0.1 s; README.md has its paths. */
export async function startNginx(): Promise<TestNginx> {
  const command = findProgram("nginx", "nginx-light");
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("nginx")).path;
  const port = await freePort();
  const tls = { good: await freePort(), expired: await freePort(), "other-name": await freePort() };
  const mutual = await freePort();
  await mkdir(join(dir, "pages"));
  await writeFile(join(dir, "pages/ok.json"), '{"status":"ok"}\n');
  await writeFile(join(dir, "pages/events"), "id: 1\nevent: greeting\ndata: hello\n\n");
  await writeFile(
    join(dir, "passwords"),
    Object.values(users)
      .map(({ username, password }) => `${username}:{PLAIN}${password}\n`)
      .join(""),
  );
  await writeFile(join(dir, "locations"), locations(tls.good));
  await writeFile(
    join(dir, "nginx.conf"),
    site(dir, [
      `listen 127.0.0.1:${port};`,
      secure(tls.good, "good"),
      secure(tls.expired, "expired"),
      secure(tls["other-name"], "other-name"),
      `${secure(mutual, "good")} ssl_client_certificate ${authorityFile}; ssl_verify_client on;`,
    ]),
  );
  const args = ["-p", dir, "-c", "nginx.conf", "-e", "output.log"];
  stack.use(await runServer({ command, args, dir, ports: [port, ...Object.values(tls), mutual] }));
  const owned = stack.move();
  return { host: "127.0.0.1", port, tls, mutual, users, token, apiKey, stop: () => owned.disposeAsync() };
}

function secure(port: number, certificate: Certificate): string {
  const { cert, key } = certificateFiles(certificate);
  return `listen 127.0.0.1:${port} ssl http2; ssl_certificate ${cert}; ssl_certificate_key ${key};`;
}

/** One process, so that nothing is left when it is killed. */
function site(dir: string, servers: readonly string[]): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
master_process off;
pid ${dir}/pid;
error_log ${dir}/output.log warn;
events {}
http {
  access_log off;
  root ${dir}/pages;
  default_type application/json;
  ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join(" ")}
  map $http_authorization $may_bear { default 0; "Bearer ${token}" 1; }
  map $http_x_api_key $has_key { default 0; "${apiKey}" 1; }
  ${servers.map((server) => `server { ${server} include ${dir}/locations; }`).join("\n  ")}
}
`;
}

/** `try_files` comes after the password was checked, so that a outsider with a wrong one is not told 403. */
function locations(https: number): string {
  return `
location = /ok { try_files /ok.json =404; }
location = /private { auth_basic test; auth_basic_user_file passwords; try_files /none @known; }
location @known { if ($remote_user != ${users.tester.username}) { return 403; } try_files /ok.json =404; }
location = /bearer {
  if ($may_bear = 0) { add_header www-authenticate "Bearer realm=test" always; return 401; }
  try_files /ok.json =404;
}
location = /keyed { if ($has_key = 0) { return 403; } try_files /ok.json =404; }
location = /no-head { if ($request_method = HEAD) { return 401; } try_files /ok.json =404; }
location = /head-closed { if ($request_method = HEAD) { return 444; } try_files /ok.json =404; }
location = /events { default_type text/event-stream; }
location = /redirect { return 302 /ok; }
location = /redirect-loop { return 302 /redirect-loop; }
location = /redirect-metadata { return 302 http://169.254.169.254/latest/meta-data/; }
location = /redirect-elsewhere { return 302 https://127.0.0.1:${https}/ok; }
location = /forbidden { return 403; }
location = /broken { return 500; }
location = /unavailable { return 503; }
location = /throttled { add_header retry-after 7 always; return 429; }
`;
}
