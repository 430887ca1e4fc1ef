import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { findProgram } from "../../support/servers/find-program.ts";
import type { Message } from "./evidence.ts";

const objects = { connection: ["created", "deleted"], "connection-profile": ["created", "updated", "deleted"] };

/** The topics that the writers' changes go to. */
const topics = Object.entries(objects).flatMap(([object, all]) =>
  all.flatMap((what) => [`${object}-${what}`, `connectory-dbevent-${object}-${what}`]),
);

/** Every message of every topic, read with kcat: another client than the service's. */
export async function readKafka(broker: string): Promise<Message[]> {
  const kcat = findProgram("kcat", "kcat");
  const messages: Message[] = [];
  for (const topic of topics) messages.push(...(await readTopic(kcat, broker, topic)));
  return messages;
}

interface KcatMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Names and values in turn. */
  readonly headers?: readonly string[];
  readonly key: string;
  readonly payload: string;
}

async function readTopic(kcat: string, broker: string, topic: string): Promise<Message[]> {
  const args = ["-C", "-b", broker, "-t", topic, "-o", "beginning", "-e", "-q", "-J"];
  const child = spawn(kcat, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = once(child, "close");
  const messages: Message[] = [];
  for await (const line of createInterface(child.stdout)) messages.push(toMessage(JSON.parse(line)));
  const [code] = await ended;
  if (code !== 0 && !said.includes("Unknown topic")) throw new Error(`kcat ended with ${code} at ${topic}: ${said}`);
  return messages;
}

function toMessage({ topic, partition, offset, headers = [], key, payload }: KcatMessage): Message {
  const header = (name: string) => headers[headers.indexOf(name) + 1] ?? "";
  return {
    topic,
    partition,
    offset,
    key,
    id: header("ce_id"),
    organization: header("ce_organization"),
    revision: BigInt(header("ce_revision")),
    value: payload,
  };
}
