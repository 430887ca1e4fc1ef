/** An open client. */
export interface Caller {
  /** Makes a call as caller number `caller` and rejects unless it was answered with a message and the status OK. */
  call(caller: number): Promise<void>;
  close(): Promise<unknown>;
}
