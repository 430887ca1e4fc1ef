import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { readImports } from "./read-imports.ts";

const root = join(import.meta.dirname, "../..");

/**
 * Which folder of src may import from which: a call goes server → interceptors → handler → repository → event log → publisher,
 * and every folder may import the leaves, which import only leaves. ARCHITECTURE.md shows the same table.
 */
const leaves = ["config", "errors", "kafka", "pem", "proto-schema", "telemetry"];
const allowed: Record<string, readonly string[]> = {
  "main.ts": ["app", "auth"],
  app: [
    "auth",
    "concurrency",
    "connection-profiles",
    "connections",
    "connectors",
    "database",
    "egress",
    "events",
    "interceptors",
    "secrets",
    "server",
    "startup-checks",
    "test-workers",
  ],
  server: ["auth", "database", "interceptors"],
  interceptors: ["auth", "database"],
  connections: ["auth", "concurrency", "database", "events", "interceptors"],
  "connection-profiles": [
    "auth",
    "concurrency",
    "connectors",
    "database",
    "egress",
    "events",
    "interceptors",
    "secrets",
    "test-workers",
  ],
  "test-workers": ["concurrency", "connectors", "egress"],
  connectors: ["concurrency", "egress"],
  events: ["concurrency", "database"],
  concurrency: [],
  secrets: [],
  egress: [],
  auth: [],
  database: ["concurrency"],
  client: [],
  "startup-checks": [],
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
/** Names by convention: what such a file exports has other names, or it exports nothing. Each is needed. */
const conventionalNames: Readonly<Record<string, string>> = {
  main: "the entry point of the process",
  "worker-main": "the entry point of a worker thread",
  index: "the public interface of a folder",
  errors: "the errors of a resource, each named after what is wrong; so is a file that ends with -errors",
  "error-details": "a reader for each kind of detail of a google.rpc.Status",
  "worker-protocol": "the messages between two threads, each named after its direction",
  keywords: "the vocabulary of JSON Schema, as types",
  "aes-gcm": "the name of the algorithm; its exports are the operations of an AEAD",
  "resolv-conf": "the name of the file that it reads",
  "secret-name-heuristic": "a predicate, which reads as a question",
};

/** The words of a name in any case; `metrics` are what a function that is called `measure…` records. */
const wordsOf = (name: string) =>
  (name.match(/[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])/g) ?? []).map((word) =>
    word.toLowerCase().replace("metrics", "measure"),
  );
/** Whether two words are the same but for an ending, such as those of a plural or of who does something. */
const isSameWord = (one: string, other: string) =>
  (one.startsWith(other) && /^(s|es|d|ed|r|er)?$/.test(one.slice(other.length))) ||
  (other.startsWith(one) && /^(s|es|d|ed|r|er)?$/.test(other.slice(one.length)));

/** Whether the words of the file's name are in its exports, or one export is within the file's name. */
function isNamedAfterExport(file: string, text: string): boolean {
  const name = (file.split("/").at(-1) ?? "").replace(".ts", "");
  const exported = [
    ...text.matchAll(/^export (?:declare )?(?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm),
  ].map(([, found = ""]) => found);
  const together = name.replaceAll("-", "");
  const isIn = (words: readonly string[], all: readonly string[]) =>
    words.every((word) => all.some((other) => isSameWord(word, other)));
  return (
    exported.some((found) => found.toLowerCase().includes(together) || isIn(wordsOf(found), wordsOf(name))) ||
    isIn(wordsOf(name), exported.flatMap(wordsOf))
  );
}

const folderOf = (file: string) => file.split("/")[1] ?? "";
/** A folder below `src`, and the one below that if there is one. */
const innerFolderOf = (file: string) => file.split("/").slice(1, -1).slice(0, 2).join("/");

/** Each import between two files of src, the type-only and the dynamic ones too. */
const imports = [...readImports()]
  .filter(([file]) => file.startsWith("src/"))
  .flatMap(([file, targets]) =>
    targets.filter((target) => target.startsWith("src/")).map((target) => [file, target] as const),
  );

describe("the architecture", () => {
  test("imports go down or to a leaf, never up or across", () => {
    const isAllowed = (from: string, to: string) =>
      from === to || leaves.includes(to) || (!leaves.includes(from) && allowed[from]?.includes(to) === true);
    const wrong = imports.filter(([file, target]) => !isAllowed(folderOf(file), folderOf(target)));
    expect(imports.length).toBeGreaterThan(1000);
    expect(wrong.map(([file, target]) => `${file} → ${target}`)).toEqual([]);
  });

  test("every allowed import is there: the table is what is", () => {
    const used = new Set(imports.map(([file, target]) => `${folderOf(file)} → ${folderOf(target)}`));
    const idle = Object.entries(allowed)
      .flatMap(([from, targets]) => targets.map((to) => `${from} → ${to}`))
      .filter((arrow) => !used.has(arrow));
    expect(idle).toEqual([]);
  });

  test("no two folders import each other, also one level down", () => {
    const arrows = new Set(
      imports
        .map(([file, target]) => [innerFolderOf(file), innerFolderOf(target)] as const)
        .filter(([from, to]) => from !== to)
        .map(([from, to]) => `${from} → ${to}`),
    );
    const mutual = [...arrows].filter((arrow) => arrows.has(arrow.split(" → ").reverse().join(" → ")));
    expect(mutual).toEqual([]);
  });

  test("ARCHITECTURE.md has the same table", async () => {
    const page = await readFile(join(root, "ARCHITECTURE.md"), "utf8");
    for (const [from, targets] of Object.entries(allowed)) {
      const cell = targets.length === 0 ? "nothing" : targets.map((to) => `\`${to}\``).join(", ");
      expect(page).toContain(`| \`${from}\` | ${cell} |`);
    }
    expect(page).toContain(`the leaves ${leaves.map((leaf) => `\`${leaf}\``).join(", ")}`);
  });

  test("a folder has at most 20 files, a file of src at most 240 lines", () => {
    const folders = Map.groupBy(files, ({ file }) => dirname(file));
    expect([...folders].filter(([, inside]) => inside.length > 20).map(([folder]) => folder)).toEqual([]);
    expect(files.filter(({ text }) => text.split("\n").length > 241).map(({ file }) => file)).toEqual([]);
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
    const bounded = [
      "src/connectors/sdk/validate-tls.ts",
      "src/pem/read-certificates.ts",
      "src/pem/read-private-key.ts",
      "src/startup-checks/check-tls-files.ts", // the operator's own files
    ];
    expect(reading.map(({ file }) => file).sort()).toEqual(bounded);
  });

  test("only field-options.ts reads whether a field is secret or a destination", () => {
    const reading = files.filter(({ text }) => /from "[^"]*\/options\/v1\/field_pb\.js"/.test(text));
    expect(reading.map(({ file }) => file)).toEqual(["src/proto-schema/field-options.ts"]);
  });

  test("only worker-main.ts is a thread of its own", () => {
    const threads = files.filter(({ text }) => /\b(parentPort|workerData)\b(?!:)/.test(text));
    expect(threads.map(({ file }) => file)).toEqual(["src/test-workers/worker-main.ts"]);
  });

  test("what every call runs writes no function into a property where it is made: it would keep its call alive", () => {
    // See "No function is written into a property" in docs/decisions. A connector's tests are few.
    const perCall = /^src\/(auth|concurrency|connections|connection-profiles|database|events|interceptors|server)\//;
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
      /^src\/(server|interceptors|connections|connection-profiles|proto-schema)\//.test(file),
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

  test("every source file is named after what it exports, but for those with a name by convention", () => {
    expect(isNamedAfterExport("src/events/lag-metrics.ts", "export function measureLag() {}")).toBe(true);
    expect(isNamedAfterExport("src/events/lease.ts", "export const acquireLock = 1;")).toBe(false);
    const nameless = files.filter(({ file, text }) => !isNamedAfterExport(file, text)).map(({ file }) => file);
    const nameOf = (file: string) => (file.split("/").at(-1) ?? "").replace(".ts", "").replace(/^.*-errors$/, "errors");
    expect(nameless.filter((file) => !Object.hasOwn(conventionalNames, nameOf(file)))).toEqual([]);
    const needed = new Set(nameless.map(nameOf));
    expect(Object.keys(conventionalNames).filter((name) => !needed.has(name))).toEqual([]);
  });
});
