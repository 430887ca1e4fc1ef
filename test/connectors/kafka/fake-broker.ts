import type { Socket } from "node:net";

export interface FakeBroker {
  /** Where it says that the brokers of its cluster are. */
  readonly advertise?: readonly { readonly host: string; readonly port: number }[];
  /** What it answers instead of a list of brokers and topics. */
  readonly garbage?: Buffer;
  /** Topics and the error of their partitions, 0 for none. */
  readonly topics?: Readonly<Record<string, number>>;
  /** The error of the list of topics as a whole, carried by a topic as brokers do. */
  readonly topicError?: number;
  /** What it answers to DescribeAcls; without it the broker does not know the question. */
  readonly aclError?: number;
  /** The id of the controller, -1 for none; the first broker when absent. */
  readonly controller?: number;
  /** The iterations that its SCRAM asks for. */
  readonly iterations?: number;
  /** What it answers to a log-in with OAUTHBEARER or PLAIN; empty lets everybody in. */
  readonly complaint?: string;
  /** The lowest and the highest version of requests that it offers, by their keys; of others the one that it knows. */
  readonly offers?: Readonly<Record<number, readonly [min: number, max: number]>>;
  /** Gets the key of every request, and for a log-in its bytes. */
  readonly onRequest?: (apiKey: number, request: Buffer) => void;
}

const [metadata, saslHandshake, apiVersions, describeAcls, saslAuthenticate] = [3, 17, 18, 29, 36];

/** The keys of requests, for `offers`. */
export const kafkaRequest = { metadata, saslHandshake, apiVersions, describeAcls, saslAuthenticate } as const;

const mechanisms = ["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"];

/** Just enough of the protocol: every request it knows in one version. */
export function fakeBroker(socket: Socket, how: FakeBroker): void {
  socket.on("data", (request: Buffer) => {
    const [apiKey, correlation] = [request.readInt16BE(4), request.subarray(8, 12)];
    how.onRequest?.(apiKey, request);
    const body = answerTo(apiKey, request, how);
    if (body === undefined) return;
    socket.write(Buffer.concat([int32(4 + body.length), correlation, body]));
  });
}

function answerTo(apiKey: number, request: Buffer, how: FakeBroker): Buffer | undefined {
  if (apiKey === apiVersions) {
    const known = { [metadata]: 1, [saslHandshake]: 0, [saslAuthenticate]: 0, [apiVersions]: 0 };
    const all = how.aclError === undefined ? known : { ...known, [describeAcls]: 0 };
    const supported = Object.entries(all).map(([key, version]) => {
      const [min, max] = how.offers?.[Number(key)] ?? [version, version];
      return Buffer.concat([int16(Number(key)), int16(min), int16(max)]);
    });
    return Buffer.concat([int16(0), list(supported)]);
  }
  if (apiKey === metadata && how.garbage !== undefined) return how.garbage;
  if (apiKey === metadata && how.advertise !== undefined) return clusterOf(how);
  if (apiKey === describeAcls) return Buffer.concat([int32(0), int16(how.aclError ?? 0), int16(-1), int32(0)]);
  if (apiKey === saslHandshake) return Buffer.concat([int16(0), list(mechanisms.map(text))]);
  if (apiKey !== saslAuthenticate) return undefined;
  if (how.complaint !== undefined) return Buffer.concat([int16(0), int16(-1), bytes(how.complaint)]);
  const nonce = /r=([^,]+)/.exec(request.toString("latin1"))?.[1] ?? "";
  return Buffer.concat([int16(0), int16(-1), bytes(`r=${nonce}x,s=c2FsdA==,i=${how.iterations}`)]);
}

function clusterOf({ advertise = [], topics = {}, topicError = 0, controller = 1 }: FakeBroker): Buffer {
  const none = int16(-1);
  const brokers = advertise.map(({ host, port }, id) => Buffer.concat([int32(id + 1), text(host), int32(port), none]));
  const named = Object.entries(topicError === 0 ? topics : { "": 0 });
  const described = named.map(([name, error]) => {
    const partition = Buffer.concat([int16(error), int32(0), int32(error === 0 ? 1 : -1), list([int32(1)]), list([])]);
    return Buffer.concat([int16(topicError), text(name), Buffer.alloc(1), list(topicError === 0 ? [partition] : [])]);
  });
  return Buffer.concat([list(brokers), int32(controller), list(described)]);
}

const text = (value: string) => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
const bytes = (value: string) => Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]);
const list = (entries: readonly Buffer[]) => Buffer.concat([int32(entries.length), ...entries]);

export function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

export function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}
