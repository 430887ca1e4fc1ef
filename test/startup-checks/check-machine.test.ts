import { execFile, spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { checkDataDir } from "../../src/startup-checks/check-data-dir.ts";
import { checkListenAddresses } from "../../src/startup-checks/check-listen-addresses.ts";
import { checkTlsFiles } from "../../src/startup-checks/check-tls-files.ts";
import { expiredCertificate } from "../../src/startup-checks/expired-certificate.ts";

const folder = await mkdtemp(join(tmpdir(), "connectory-check-machine-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const root = join(import.meta.dirname, "../..");
/** Root may do everything; only root can become another user, and the checkout must be readable for that one. */
const canRunAsOther =
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, ["-e", "fs.readFileSync('package.json')"], { cwd: root, uid: 1, gid: 1 }).status === 0;

const certificates = join(import.meta.dirname, "../support/certificates");
const pem = (name: string) => join(certificates, `${name}.pem`);

async function fileOf(name: string, ...texts: string[]): Promise<string> {
  await writeFile(join(folder, name), texts.join(""));
  return join(folder, name);
}

const textOf = (name: string) => readFile(pem(name), "utf8");

describe("checkDataDir", () => {
  test("makes the folder, and leaves nothing in it", async () => {
    const dir = join(folder, "new/data");
    expect(await checkDataDir(dir)).toBeUndefined();
    expect(await readdir(dir)).toEqual([]);
  });

  test("names a file, a path through one, and a folder in which nothing can be made", async () => {
    const file = await fileOf("plain", "x");
    expect(await checkDataDir(file)).toBe(`${file} is a file: name a folder`);
    expect(await checkDataDir(join(file, "data"))).toContain("leads through a file as if it were a folder");
    if (process.platform === "linux") expect(await checkDataDir("/proc/x")).toContain("cannot be created");
  });

  test.skipIf(!canRunAsOther)("names a folder and a file that this user may not use", async () => {
    await chmod(folder, 0o755);
    const dir = join(folder, "closed");
    await mkdir(dir, { mode: 0o755 });
    const file = await fileOf("key", "x");
    await chmod(file, 0o600);
    const script = `
      const { checkDataDir } = await import("./src/startup-checks/check-data-dir.ts");
      const { readSmallFile } = await import("./src/config/small-file.ts");
      const [dir, file] = process.argv.slice(1);
      console.log([await checkDataDir(dir), await checkDataDir(dir + "/below"), readSmallFile(file).fault].join("\\n"));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, dir, file], {
      cwd: root,
      uid: 1,
      gid: 1,
      env: {},
    });
    expect(stdout.trimEnd().split("\n")).toEqual([
      `${dir} may not be written by the user that runs the service: give that user the folder (chown), or name another one`,
      `${dir}/below may not be written by the user that runs the service: give that user the folder (chown), or name another one`,
      `${file} may not be read by the user that runs the service: change its owner or mode`,
    ]);
  });

  test.runIf(process.platform === "linux")("names what the system lets nobody write", async () => {
    for (const dir of ["/proc", "/sys/fs"]) expect(await checkDataDir(dir)).toMatch(/^\S+ (cannot|may not|is on)/);
  });
});

describe("checkListenAddresses", () => {
  test("says nothing about addresses that can be opened, and lets go of them", async () => {
    const addresses = {
      GRPC_ADDR: { host: "127.0.0.1", port: 0 },
      HTTP_ADDR: { host: "localhost", port: 0 },
    };
    expect(await checkListenAddresses(addresses)).toEqual([]);
    const first = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => first.once("listening", resolve));
    const { port } = first.address() as { port: number };
    const taken = { GRPC_ADDR: { host: "127.0.0.1", port }, HTTP_ADDR: { host: "127.0.0.1", port } };
    expect((await checkListenAddresses(taken)).map(([name, what]) => `${name}: ${what}`)).toEqual([
      `GRPC_ADDR: 127.0.0.1:${port} is in use by another program: stop that one (ss -ltnp shows it), or choose another port`,
      `HTTP_ADDR: 127.0.0.1:${port} is in use by another program: stop that one (ss -ltnp shows it), or choose another port`,
    ]);
    await new Promise((resolve) => first.close(resolve));
    for (let round = 0; round < 3; round += 1)
      expect((await checkListenAddresses(taken)).map(([name, what]) => `${name}: ${what}`)).toEqual([
        `HTTP_ADDR: 127.0.0.1:${port} is taken by GRPC_ADDR: give each a port of its own`,
      ]);
    const all = { GRPC_ADDR: { host: "127.0.0.1", port }, HTTP_ADDR: { host: "0.0.0.0", port } };
    expect((await checkListenAddresses(all)).map(([name]) => name)).toEqual(["HTTP_ADDR"]);
  });

  test("names an address of another machine, and a name that nobody knows", async () => {
    const found = await checkListenAddresses({
      GRPC_ADDR: { host: "192.0.2.1", port: 1 },
      HTTP_ADDR: { host: "no-such-host.invalid", port: 8080 },
    });
    expect(found[0]?.[1]).toContain("192.0.2.1 is no address of this machine");
    expect(found[1]?.[1]).toContain("no-such-host.invalid is a name that this machine cannot resolve");
  });
});

describe("checkTlsFiles", () => {
  const check = (certFile: string, keyFile: string, clientCaFile?: string) =>
    checkTlsFiles({ certFile, keyFile, clientCaFile }).map(([name, what]) => `${name}: ${what}`);

  test("says nothing about pairs that work: alone, with a chain, with the key in the same file, with an authority", async () => {
    expect(check(pem("server"), pem("server-key"), pem("authority"))).toEqual([]);
    const chain = await fileOf("chain.pem", await textOf("server"), await textOf("authority"));
    const both = await fileOf("both.pem", await textOf("server"), await textOf("server-key"));
    expect(check(chain, pem("server-key"))).toEqual([]);
    expect(check(both, both)).toEqual([]);
  });

  test("names the key of another certificate, also beside a key in the certificate's file", async () => {
    const other =
      "TLS_KEY_FILE: is not the key of the certificate in TLS_CERT_FILE: name the two that were issued together";
    expect(check(pem("server"), pem("client-key"))).toEqual([other]);
    const both = await fileOf("both.pem", await textOf("server"), await textOf("server-key"));
    expect(check(both, pem("client-key"))).toEqual([other]);
  });

  test("names a chain in the wrong order", async () => {
    const chain = await fileOf("turned.pem", await textOf("authority"), await textOf("server"));
    expect(check(chain, pem("server-key"))).toEqual([
      "TLS_CERT_FILE: must begin with the server's own certificate, which is number 2: move it to the top",
    ]);
  });

  test("names missing files, folders and what is cut off, each with its variable, and repeats no key", async () => {
    const key = await textOf("server-key");
    const cut = await fileOf("cut.pem", key.slice(0, key.length / 2));
    expect(check(folder, cut, join(folder, "none"))).toEqual([
      `TLS_CERT_FILE: ${folder} is a folder: name a file in it`,
      `TLS_CLIENT_CA_FILE: there is no file ${folder}/none: check the path`,
    ]);
    expect(check(pem("server"), cut)).toEqual([
      `TLS_KEY_FILE: ${cut} must be a private key in PEM: it has a block without its END line`,
    ]);
    expect(check(pem("server"), pem("server-key"), pem("server-key"))).toEqual([
      `TLS_CLIENT_CA_FILE: ${pem("server-key")} holds a private key: it belongs into TLS_KEY_FILE`,
    ]);
  });
});

describe("expiredCertificate", () => {
  test("names a certificate that is out of date, not valid yet or soon out of date, also behind another one", async () => {
    const [start, end] = [Date.UTC(2020, 0, 1), Date.UTC(2120, 0, 1)];
    const chain = await fileOf(
      "dated.pem",
      await textOf("server-key"),
      await textOf("server"),
      await textOf("expired"),
    );
    expect(expiredCertificate(pem("server"), Date.now())).toBeUndefined();
    expect(expiredCertificate(pem("expired"), Date.now())).toContain("has expired on 2021-01-01: renew it");
    expect(expiredCertificate(chain, Date.now())).toContain(`a certificate in ${chain} has expired on 2021-01-01`);
    expect(expiredCertificate(pem("server"), start - 1000)).toContain("is not valid yet: check the clock");
    expect(expiredCertificate(pem("server"), end - 13 * 24 * 3_600_000)).toContain("expires on 2120-01-01: renew it");
    expect(expiredCertificate(join(folder, "none"), Date.now())).toBeUndefined();
  });
});
