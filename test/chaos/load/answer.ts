/** A call of the writers, the same over each protocol. */
export type Call =
  | { readonly name: "create-connection"; readonly id: string; readonly requestId: string; readonly users: Pair }
  | { readonly name: "delete-connection"; readonly id: string }
  | { readonly name: "get-connection"; readonly id: string }
  | { readonly name: "create-profile"; readonly profile: string; readonly requestId: string; readonly label: string }
  | { readonly name: "update-profile"; readonly id: string; readonly label: string }
  | { readonly name: "delete-profile"; readonly id: string }
  | { readonly name: "get-profile"; readonly id: string };

export type Pair = readonly [string, string];

/** What a server said, or that nothing came. */
export interface Answer {
  /** A status code by its name, `OK`, or `NO_ANSWER` when the call broke off or took too long. */
  readonly code: string;
  readonly reason: string;
  readonly text: string;
  readonly id?: string;
  readonly revision?: bigint;
  /** Of a read record: `active` or `deleted`; of a profile with its label behind it. */
  readonly state?: string;
}

/** Sends calls to one server with one token. Never rejects. */
export interface Caller {
  call(call: Call): Promise<Answer>;
  close(): void;
}

/** How long the server is given, in seconds; a little later the caller gives up by itself. */
export const deadlineSeconds = 4;
export const giveUpMs = deadlineSeconds * 1000 + 1000;

export const noAnswer = (why: unknown): Answer => ({ code: "NO_ANSWER", reason: "", text: String(why) });

export const stateOfProfile = (deleted: boolean, label: string | undefined) =>
  `${deleted ? "deleted" : "active"}, ${label}`;
