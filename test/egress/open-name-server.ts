import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Its addresses, the name that it is an alias of (an answer to the question for that alone), an error, or no answer at all.
 * A family without addresses is answered with none (NODATA).
 */
export type NameAnswer =
  | readonly string[]
  | { readonly alias: string }
  | "NXDOMAIN"
  | "SERVFAIL"
  | "REFUSED"
  | "silence";

export interface Question {
  readonly name: string;
  readonly type: "A" | "AAAA" | "CNAME";
}

/** A name server on a UDP port of this machine that answers as it is told to, and keeps what it was asked. */
export async function openNameServer(answer: (question: Question) => NameAnswer) {
  const socket = createSocket("udp4");
  const asked: Question[] = [];
  const askers = new Set<number>();
  socket.on("message", (query, from) => {
    const { question, end } = readQuestion(query);
    asked.push(question);
    askers.add(from.port);
    const said = answer(question);
    if (said !== "silence") socket.send(writeAnswer(query, end, question, said), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    /** The ports that it was asked from. */
    askers,
    close: () => {
      socket.close();
    },
  };
}

function readQuestion(query: Buffer): { readonly question: Question; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = ({ 5: "CNAME", 28: "AAAA" } as const)[query.readUInt16BE(at + 1)] ?? "A";
  return { question: { name: labels.join("."), type }, end: at + 5 };
}

const codes = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

/** RFC 1035, 4.1: the query's header and question again, then the records, whose name points to the question's. */
function writeAnswer(query: Buffer, end: number, { type }: Question, said: Exclude<NameAnswer, "silence">): Buffer {
  const data = typeof said === "string" ? [] : recordsOf(said, type);
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(0x8180 | (typeof said === "string" ? codes[said] : 0), 2);
  head.writeUInt16BE(data.length, 6);
  head.writeUInt32BE(0, 8);
  const number = { A: 1, CNAME: 5, AAAA: 28 }[type];
  const records = data.map((bytes) => Buffer.from([0xc0, 12, 0, number, 0, 1, 0, 0, 0, 0, 0, bytes.length, ...bytes]));
  return Buffer.concat([head, ...records]);
}

function recordsOf(said: Exclude<NameAnswer, string>, type: Question["type"]): readonly (readonly number[])[] {
  if ("alias" in said) {
    const labels = said.alias.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
    return type === "CNAME" ? [[...labels, 0]] : [];
  }
  if (type === "CNAME") return [];
  const addresses = said.filter((one) => isIPv6(one) === (type === "AAAA"));
  return addresses.map((address) => ipaddr.parse(address).toByteArray());
}
