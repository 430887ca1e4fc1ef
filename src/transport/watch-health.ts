import type { Knex } from "knex";
import type { Logger } from "pino";
import { ping } from "../database/ping.ts";

/** How often the database is asked, in milliseconds. */
const everyMs = 2000;

/** How long an answer of the database is good for, in milliseconds: whoever asks meanwhile gets the same. */
const freshMs = 1000;

/** Whether this server can answer calls: it can when its database does. */
export interface HealthWatch {
  /** The database is asked once a second at most, however many ask here: each look takes a connection from the calls. */
  check(): Promise<boolean>;
  /** Calls back at once with the present state when it is known, and at every change. */
  onChange(listener: (serving: boolean) => void): void;
  /** From here on nothing is answered and nobody is called back. */
  stop(): void;
}

/** `now` is a clock in milliseconds. */
export function watchHealth({
  knex,
  log,
  now = () => performance.now(),
}: {
  knex: Knex;
  log: Logger;
  now?: () => number;
}): HealthWatch {
  const listeners: ((serving: boolean) => void)[] = [];
  let serving: boolean | undefined;
  let stopped = false;
  let last: { readonly at: number; readonly answered: Promise<boolean> } | undefined;

  const look = async (): Promise<boolean> => {
    const answered = !stopped && (await answers(knex));
    if (answered !== serving && !stopped) {
      if (serving !== undefined)
        log.warn({ answered }, answered ? "the database answers again" : "the database does not answer");
      serving = answered;
      for (const listener of listeners) listener(answered);
    }
    return answered;
  };
  const check = (): Promise<boolean> => {
    if (stopped) return Promise.resolve(false);
    if (last === undefined || now() - last.at >= freshMs) last = { at: now(), answered: look() };
    return last.answered;
  };
  const timer = setInterval(() => void check(), everyMs);
  timer.unref();
  void check();

  return {
    check,
    onChange: (listener) => {
      listeners.push(listener);
      if (serving !== undefined) listener(serving);
    },
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

function answers(knex: Knex): Promise<boolean> {
  return ping(knex).then(
    () => true,
    () => false, // why is in the log of the calls that fail; here only the fact counts
  );
}
