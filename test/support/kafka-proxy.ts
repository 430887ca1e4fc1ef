import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

const produce = 0; // the api key of a Produce request

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
  close(): Promise<void>;
}

export async function startKafkaProxy(brokerPort: number): Promise<KafkaProxy> {
  const sockets = new Set<Socket>();
  let toLose = 0;

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
