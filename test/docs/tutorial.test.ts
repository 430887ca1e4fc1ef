import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { copyCheckout } from "../client/install-client.ts";
import { runScript } from "../client/other-languages/run-script.ts";
import { freePort } from "../support/free-port.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { findProgram } from "../support/servers/find-program.ts";
import { isAbout, notRun, runElsewhere } from "./commands.ts";
import { type Fence, fencesOf } from "./read-page.ts";

const root = join(import.meta.dirname, "../..");
findProgram("curl", "curl");
const kafka = await kafkaForTests();
/** The consumer meets a broker that has not heard of its topics yet, as one may a moment after they were created. */
const [broker = ""] = kafka.proxy.brokers;
kafka.proxy.hideTopics("kafkajs", 3);
const folder = await mkdtemp(join(tmpdir(), "connectory-tutorial-"));
const checkout = await copyCheckout();
const running: ChildProcess[] = [];
afterAll(async () => {
  const alive = running.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = alive.map((child) => once(child, "exit"));
  for (const { pid } of alive) if (pid !== undefined) process.kill(-pid, "SIGTERM");
  await Promise.all(ended);
  await kafka.stop();
  await Promise.all([folder, checkout].map((one) => rm(one, { recursive: true, force: true })));
});

const grpc = `127.0.0.1:${await freePort()}`;
const http = `127.0.0.1:${await freePort()}`;
const here = (text: string) =>
  text.replaceAll("127.0.0.1:9092", broker).replaceAll("127.0.0.1:50051", grpc).replaceAll("127.0.0.1:8080", http);
const env: Record<string, string> = {
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  CONNECTORY: checkout,
  GRPC_ADDR: grpc,
  HTTP_ADDR: http,
  DATA_DIR: join(folder, "data"),
  npm_config_prefer_offline: "true",
};
/** All that was printed since the last block of expected text. */
let output = "";
/** Where the shell of the reader is: in the checkout until there is a project. */
const state = join(folder, "shell");
const whereIs = () => readFile(`${state}.cwd`, "utf8").then((text) => text.trim());

/** One shell for all blocks: what a block sets, defines or enters is there for the next. */
async function run({ text }: Fence): Promise<void> {
  const cwd = await whereIs();
  const script = `set -a\n. ${state}\n${here(text)}\npwd > ${state}.cwd\n{ export -p; declare -f; } > ${state}`;
  output += await runScript(script, { cwd, env, seconds: 170 });
}

async function keepRunning({ text }: Fence): Promise<void> {
  // The service is started in the checkout, all else in the project.
  const cwd = text.includes("npm start") ? root : await whereIs();
  const child = spawn("bash", ["-c", `. ${state}\n${here(text)}`], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  running.push(child);
  // A run that is interrupted leaves nothing behind: what it started has a group of its own.
  const end = () => child.pid !== undefined && process.kill(-child.pid, "SIGTERM");
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => {
      output += part;
      const [, token] = /^export TOKEN=(\S+)$/m.exec(output) ?? [];
      if (token !== undefined) env.TOKEN = token;
    });
}

/** Every line is to be printed, some time; `…` stands for whatever. */
async function expectPrinted({ text }: Fence): Promise<void> {
  for (const line of text.trimEnd().split("\n")) {
    const [beginning = ""] = line.split("…");
    await expect.poll(() => output, { message: line }).toContain(beginning);
  }
  output = "";
}

test("the tutorial works as it stands, block by block", async () => {
  await writeFile(state, "");
  await writeFile(`${state}.cwd`, folder);
  const skipped = [...runElsewhere, ...notRun];
  const blocks = fencesOf("docs/tutorial.md").filter((block) => !skipped.some(isAbout(block)));
  for (const block of blocks) {
    if (block.language === "text") await expectPrinted(block);
    else if (block.language === "js") await writeFile(join(await whereIs(), block.info), here(block.text));
    else if (block.info === "keeps-running") await keepRunning(block);
    else await run(block);
  }
  expect(blocks.filter(({ language }) => language === "sh")).toHaveLength(7);
  expect(kafka.proxy.toHide()).toBe(0);
}, 600_000);
