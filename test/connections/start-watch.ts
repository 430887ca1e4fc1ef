import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, ConnectError } from "@connectrpc/connect";
import {
  ConnectionChange,
  type ConnectionService,
  type WatchConnectionsRequestSchema,
  type WatchConnectionsResponse,
} from "../../gen/connectory/v1/connection_service_pb.js";

/** A watch that is being read. */
export interface RunningWatch {
  /** All that it has told so far, bookmarks too. */
  readonly messages: readonly WatchConnectionsResponse[];
  /** Its changes, as `CREATED a,b`. */
  changes(): string[];
  /** Waits until it has told at least so many messages; rejects when it ends before, or after 100 s. */
  told(count: number): Promise<void>;
  /** Cuts the stream off. */
  leave(): void;
  /** What ended it, if it was an error. */
  readonly ended: Promise<ConnectError | undefined>;
}

export function startWatch(
  client: Client<typeof ConnectionService>,
  request: MessageInitShape<typeof WatchConnectionsRequestSchema> = {},
  onMessage: (message: WatchConnectionsResponse) => void = () => {},
): RunningWatch {
  const cut = new AbortController();
  const messages: WatchConnectionsResponse[] = [];
  const waiting = new Set<() => void>();
  const read = async () => {
    for await (const message of client.watchConnections(request, { signal: cut.signal })) {
      messages.push(message);
      onMessage(message);
      for (const look of waiting) look();
    }
  };
  const ended = read().then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  const told = (count: number) =>
    new Promise<void>((resolve, reject) => {
      const give = (why: string) => reject(new Error(`told ${messages.length} of ${count} messages: ${why}`));
      const timer = setTimeout(give, 100_000, "100 s have passed");
      const look = () => {
        if (messages.length < count) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then((error) => give(`it ended with ${error}`));
    });
  const changes = () =>
    messages.filter(({ connection }) => connection !== undefined).map((message) => sayChange(message));
  return { messages, changes, told, leave: () => cut.abort(), ended };
}

function sayChange({ change, connection }: WatchConnectionsResponse): string {
  return `${ConnectionChange[change]} ${connection?.userId1},${connection?.userId2}`;
}
