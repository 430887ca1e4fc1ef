/** Something that is taken away from the service and given back. */
export interface Fault {
  /** For people and for `--only`, such as `freeze-database`. */
  readonly name: string;
  /** Two faults of one part never run at the same time. */
  readonly part: string;
  begin(): Promise<void>;
  cure(): Promise<void>;
}
