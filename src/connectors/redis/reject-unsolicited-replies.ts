import type { Redis } from "ioredis";

type Queue = Redis["commandQueue"];
type Item = NonNullable<ReturnType<Queue["shift"]>>;

/**
 * Makes an answer that no command waits for end the connection: whatever comes after it would be taken for the answer to
 * another command. ioredis reports such an answer by its text, which null has not: that throws where nobody catches.
 * `refuse` gets the answer when it is an error reply, as of a server that is full and says so unasked.
 */
export function rejectUnsolicitedReplies(queue: Queue, refuse: (reply: Error | undefined) => void): void {
  const shift = queue.shift.bind(queue);
  let emptied = false;
  const command: Item["command"] = {
    name: "ping",
    args: [],
    resolve: () => refuse(undefined),
    reject: (error) => {
      // Any other error is for commands that will have no answer: ioredis then empties its queue until nothing is left.
      if (error.name === "ReplyError") refuse(error);
      else emptied = true;
    },
  };
  // Its stream is read for commands that are sent again alone: none is.
  const surplus = { command, select: 0 } as Item;
  queue.shift = () => shift() ?? (emptied ? undefined : surplus);
}
