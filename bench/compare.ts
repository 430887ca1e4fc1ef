/** What is measured beside the same thing undisturbed, in the same run: a line of its own instead of a row of the table. */
export type Compare = (options: {
  /** An empty folder for data. */
  readonly folder: string;
  readonly rounds: number;
  /** Ends what was started, in reverse. */
  readonly stack: AsyncDisposableStack;
  say(line: string): void;
}) => Promise<{ readonly line: string; readonly met: boolean }>;
