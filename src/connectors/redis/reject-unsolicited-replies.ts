import type { Redis } from "ioredis";

type Queue = Redis["commandQueue"];
type Item = NonNullable<ReturnType<Queue["shift"]>>;

/**
 * Rejects replies without a pending command: the next reply would be assigned to another command. ioredis reports such a reply
 * by its text, and throws an uncaught exception for null, which has none. `refuse` gets the reply when it is an error, such as
 * that of a full server.
 */
export function rejectUnsolicitedReplies(queue: Queue, refuse: (reply: Error | undefined) => void): void {
  const shift = queue.shift.bind(queue);
  let emptied = false;
  const command: Item["command"] = {
    name: "ping",
    args: [],
    resolve: () => refuse(undefined),
    reject: (error) => {
      // Other errors are for commands that will get no reply: ioredis then empties its queue completely.
      if (error.name === "ReplyError") refuse(error);
      else emptied = true;
    },
  };
  // ioredis reads its `stream` only for commands that are sent again, which does not occur here.
  const surplus = { command, select: 0 } as Item;
  queue.shift = () => shift() ?? (emptied ? undefined : surplus);
}
