import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The api keys of the requests that are changed here. */
const produce = 0;
const metadata = 3;

/** Stands between clients and a broker and hands every byte on, until told otherwise. */
export interface KafkaProxy {
  readonly port: number;
  readonly brokers: string[];
  /**
   * The broker gets the next `count` Produce requests and stores them; its answers are swallowed and the connection is
   * cut: what a client sees when a network dies between the append and the answer. Counts again from now.
   */
  loseProduceAnswers(count: number): void;
  /** How many answers are still to be lost. */
  toLose(): number;
  /**
   * The next `count` Metadata requests of `clientId` that name topics ask for topics that do not exist instead, so that the client
   * gets what a broker answers that has not yet heard of a new topic. Counts again from now.
   */
  hideTopics(clientId: string, count: number): void;
  /** How many such requests are still to be changed. */
  toHide(): number;
  close(): Promise<void>;
}

export async function startKafkaProxy(brokerPort: number): Promise<KafkaProxy> {
  const sockets = new Set<Socket>();
  let toLose = 0;
  let hidden = { clientId: "", count: 0 };

  const server = createServer((client) => {
    const broker = connect(brokerPort, "127.0.0.1");
    const cut = () => {
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.setNoDelay(true).on("error", cut).on("close", cut);
      socket.on("close", () => sockets.delete(socket));
    }

    const produceRequests = new Set<number>();
    // A request: length, api key (int16), api version (int16), correlation id (int32), …
    const onRequest = (frame: Buffer) => {
      if (frame.readInt16BE(4) === produce) produceRequests.add(frame.readInt32BE(8));
      if (frame.readInt16BE(4) === metadata && hidden.count > 0 && renameTopics(frame, hidden.clientId))
        hidden.count -= 1;
      broker.write(frame);
    };
    // An answer: length, correlation id (int32), …
    const onAnswer = (frame: Buffer) => {
      if (produceRequests.delete(frame.readInt32BE(4)) && toLose > 0) {
        toLose -= 1;
        cut();
      } else client.write(frame);
    };
    client.on("data", eachFrame(onRequest));
    broker.on("data", eachFrame(onAnswer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    port,
    brokers: [`127.0.0.1:${port}`],
    loseProduceAnswers: (count) => {
      toLose = count;
    },
    toLose: () => toLose,
    hideTopics: (clientId, count) => {
      hidden = { clientId, count };
    },
    toHide: () => hidden.count,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** Kafka's frames: an int32 with the length of what follows it. */
function eachFrame(take: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      take(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}

/**
 * Gives each topic of a client's Metadata request another last letter, and says whether there was one. The request: the header above,
 * the client's id (int16 and text), the count of topics (int32), and each as int16 and text.
 */
function renameTopics(frame: Buffer, clientId: string): boolean {
  let at = 14 + frame.readInt16BE(12);
  if (frame.toString("utf8", 14, at) !== clientId) return false;
  const count = frame.readInt32BE(at);
  at += 4;
  for (let index = 0; index < count; index += 1) {
    at += 2 + frame.readInt16BE(at);
    frame.write("_", at - 1);
  }
  return count > 0;
}
