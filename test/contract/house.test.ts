import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/**
 * Which folder of src may import from which: data walks transport → interceptors → verb → repository → event log →
 * publisher, and every folder may use the leaves. ARCHITECTURE.md shows the same table.
 */
const leaves = ["failure.ts", "private-file.ts", "environment-reader.ts", "calm-kafkajs.ts", "contract", "telemetry"];
const allowed: Record<string, readonly string[]> = {
  "main.ts": ["app.ts", "config.ts", "rotate.ts", "welcome.ts", "auth"],
  "open-database.ts": ["config.ts", "database"],
  "rotate.ts": ["config.ts", "connection-profile", "connectors", "database", "secrets"],
  "welcome.ts": ["app.ts", "config.ts"],
  "create-routes.ts": [
    "config.ts",
    "auth",
    "concurrency",
    "connection",
    "connection-profile",
    "connectors",
    "interceptors",
    "secrets",
    "transport",
  ],
  "app.ts": [
    "config.ts",
    "create-routes.ts",
    "open-database.ts",
    "auth",
    "connection-profile",
    "connectors",
    "database",
    "egress",
    "events",
    "interceptors",
    "secrets",
    "transport",
  ],
  "config.ts": ["auth", "connection", "egress"],
  transport: ["auth", "interceptors", "database"],
  interceptors: ["auth", "database"],
  connection: ["auth", "interceptors", "events", "database"],
  "connection-profile": [
    "auth",
    "interceptors",
    "concurrency",
    "connectors",
    "database",
    "egress",
    "events",
    "pem",
    "secrets",
  ],
  connectors: ["concurrency", "egress", "pem"],
  events: ["concurrency", "database"],
  concurrency: [],
  secrets: [],
  pem: [],
  egress: [],
  auth: [],
  database: [],
};

async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const files = await Promise.all(
  (await sources("src")).map(async (file) => ({ file, text: await readFile(join(root, file), "utf8") })),
);
/** Entry points, the list of a folder, and the messages between two threads: each has more than one main export, or none. */
const unnamed: ReadonlySet<string> = new Set(["main", "index", "test-thread", "worker-protocol"]);

const roomOf = (file: string) => file.split("/")[1] ?? "";

describe("the house", () => {
  test("imports go down or to a leaf, never up or across", () => {
    const wrong = files.flatMap(({ file, text }) =>
      [...text.matchAll(/from "(\.[^"]+)"/g)]
        .map(([, target = ""]) => relative(root, join(root, dirname(file), target)))
        .filter((target) => target.startsWith("src/"))
        .map((target) => [roomOf(file), roomOf(target)] as const)
        .filter(([from, to]) => from !== to && !leaves.includes(to) && !allowed[from]?.includes(to))
        .map(([from, to]) => `${file}: ${from} → ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  test("every allowed arrow is used: the table says what is, not what may be some day", () => {
    const used = new Set(
      files.flatMap(({ file, text }) =>
        [...text.matchAll(/from "(\.[^"]+)"/g)].map(
          ([, target = ""]) => `${roomOf(file)} → ${roomOf(relative(root, join(root, dirname(file), target)))}`,
        ),
      ),
    );
    const idle = Object.entries(allowed)
      .flatMap(([from, targets]) => targets.map((to) => `${from} → ${to}`))
      .filter((arrow) => !used.has(arrow));
    expect(idle).toEqual([]);
  });

  test("the service needs no generator and no package of development: the published client has its own package.json", async () => {
    const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const wrong = files.flatMap(({ file, text }) =>
      [...text.matchAll(/^(?:import|export|\}).* from "([^"]+)";$|^import "([^"]+)";$|\bimport\("([^"]+)"\)/gm)]
        .map(([, ...targets]) => targets.find((target) => target !== undefined) ?? "")
        .filter((target) => {
          if (target.startsWith("node:") || file.startsWith("src/client/")) return false;
          if (target.startsWith("."))
            return !/^(src|gen)\/|^package\.json$/.test(relative(root, join(root, dirname(file), target)));
          const [scope = "", name] = target.split("/");
          return !Object.hasOwn(dependencies, scope.startsWith("@") ? `${scope}/${name}` : scope);
        })
        .map((target) => `${file}: ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("only main.ts touches the process's environment, arguments, signals and end", () => {
    const touching = files.filter(
      ({ file, text }) =>
        file !== "src/main.ts" && /\bprocess\.(env|argv|exit|on|once|stdout|stderr|stdin|exitCode)\b/.test(text),
    );
    expect(touching.map(({ file }) => file)).toEqual([]);
  });

  test("keys and certificates of callers are read by src/pem alone, which bounds what that costs", () => {
    const reading = files.filter(({ text }) =>
      /\b(createPrivateKey|createPublicKey|createSecureContext|X509Certificate)\(/.test(text),
    );
    const bounded = ["src/connectors/check-tls.ts", "src/pem/read-certificates.ts", "src/pem/read-private-key.ts"];
    expect(reading.map(({ file }) => file).sort()).toEqual(bounded);
  });

  test("only field-options.ts reads whether a field is secret or a destination", () => {
    const reading = files.filter(({ text }) => /from "[^"]*\/options\/v1\/field_pb\.js"/.test(text));
    expect(reading.map(({ file }) => file)).toEqual(["src/contract/field-options.ts"]);
  });

  test("only test-thread.ts is a thread of its own", () => {
    const threads = files.filter(({ text }) => /\b(parentPort|workerData)\b(?!:)/.test(text));
    expect(threads.map(({ file }) => file)).toEqual(["src/connectors/test-thread.ts"]);
  });

  test("what every call runs writes no function into a property where it is made: it would keep its call alive", () => {
    // See "No function is written into a property" in docs/decisions. A connector's tests are few.
    const perCall = /^src\/(auth|connection|connection-profile|database|events|interceptors|transport)\//;
    const written = /[\w\])]\.[#\w]+ = (async )?(function\b|\w+ =>|\([^()]*\)(: [\w<>[\]. |]+)? =>)/;
    expect("call.sendStatus = (sent) => {").toMatch(written);
    expect("this.onwrite = async function (error) {").toMatch(written);
    expect(files.filter(({ file, text }) => perCall.test(file) && written.test(text)).map(({ file }) => file)).toEqual(
      [],
    );
  });

  test("nothing whose length a caller may choose is spread into arguments: they do not fit onto the stack", () => {
    const spread = /\.push\(\.\.\.|Math\.(max|min)\(\.\.\.|(fieldsInvalid|String\.fromCharCode)\(\.\.\./;
    expect("violations.push(...found)").toMatch(spread);
    const near = files.filter(({ file }) =>
      /^src\/(transport|interceptors|connection|connection-profile|contract)\//.test(file),
    );
    expect(near.filter(({ text }) => spread.test(text)).map(({ file }) => file)).toEqual([]);
  });

  test("files are small, named after what they hold, and have no default export", async () => {
    const everything = [
      ...files.map(({ file }) => file),
      ...(await sources("test")),
      ...(await sources("bench")),
      ...(await sources("generators")),
    ];
    for (const file of everything) {
      const text = await readFile(join(root, file), "utf8");
      expect([file, text.split("\n").length <= 300]).toEqual([file, true]);
      expect(file).toMatch(/^[a-z0-9/.-]+\.ts$/);
      expect(file).not.toMatch(/(^|\/)(utils?|helpers?|types|common|misc|shared)(\.ts|\/)/);
      expect([file, /^export default/m.test(text)]).toEqual([file, false]);
    }
  });

  test("every source file exports the thing that it is named after", () => {
    const nameless = files.filter(({ file, text }) => {
      const name = (file.split("/").at(-1) ?? "").replace(".ts", "");
      if (unnamed.has(name)) return false;
      const wanted = name.replaceAll("-", "").toLowerCase();
      const exported = [
        ...text.matchAll(/^export (?:declare )?(?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm),
      ].map(([, found = ""]) => found.toLowerCase());
      return !exported.some((found) => found.includes(wanted) || wanted.includes(found));
    });
    expect(nameless.map(({ file }) => file)).toEqual([]);
  });
});
