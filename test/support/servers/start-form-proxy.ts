import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { certificateFiles } from "./certificates.ts";
import { createServerDir } from "./create-server-dir.ts";
import { findProgram } from "./find-program.ts";
import { runServer } from "./run-server.ts";

const example = join(import.meta.dirname, "../../../docs/examples/web-form.nginx.conf");

/** Where the parts are that the example is between, as `host:port`. */
export interface FormProxyParts {
  readonly connectory: string;
  readonly oauth2Proxy: string;
}

export interface FormProxy {
  /** `https://localhost:port`, with the certificate of the tests. */
  readonly url: string;
  stop(): Promise<void>;
}

/** An nginx with docs/examples/web-form.nginx.conf as it stands, but for addresses, files and the name of its certificate. */
export async function startFormProxy({ connectory, oauth2Proxy }: FormProxyParts): Promise<FormProxy> {
  const command = findProgram("nginx", "nginx-light");
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await createServerDir("form-proxy")).path;
  const port = await freePort();
  const { cert, key } = certificateFiles("good");
  await mkdir(join(dir, "page"));
  await writeFile(join(dir, "page/index.html"), "<!doctype html><title>Profiles</title>\n");
  let conf = await readFile(example, "utf8");
  for (const [here, there] of [
    ["127.0.0.1:8080", connectory],
    ["127.0.0.1:4180", oauth2Proxy],
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
    ["forms.example;", "localhost;"],
    ["/etc/nginx/forms.example.pem", cert],
    ["/etc/nginx/forms.example-key.pem", key],
    ["/srv/forms", join(dir, "page")],
  ] as const) {
    if (!conf.includes(here)) throw new Error(`the example has no ${here}`);
    conf = conf.replace(here, there);
  }
  await writeFile(join(dir, "web-form.conf"), conf);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${dir}/${name};`,
  );
  await writeFile(
    join(dir, "nginx.conf"),
    `daemon off;
master_process off;
pid ${dir}/pid;
error_log ${dir}/output.log warn;
events {}
http {
  access_log off;
  ${temporary.join(" ")}
  include ${dir}/web-form.conf;
}
`,
  );
  const args = ["-p", dir, "-c", "nginx.conf", "-e", "output.log"];
  stack.use(await runServer({ command, args, dir, ports: [port] }));
  const owned = stack.move();
  return { url: `https://localhost:${port}`, stop: () => owned.disposeAsync() };
}
