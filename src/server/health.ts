import type { Knex } from "knex";
import type { Logger } from "pino";
import { pingDatabase } from "../database/ping.ts";
import { DatabaseReadOnly } from "../database/reject-read-only.ts";

/** How often the database is asked, in milliseconds. */
const everyMs = 2000;

/** How long an answer of the database is good for, in milliseconds: whoever asks meanwhile gets the same. */
const cacheTtlMs = 1000;

/** Undefined when all is well, else what is not, in words for anybody. */
export type Health = string | undefined;

/** Whether this server can answer calls: it can when its database does. */
export interface HealthCheck {
  /** The database is asked once a second at most, however many ask here: each look takes a connection from the calls. */
  check(): Promise<Health>;
  /** Calls back at once with the present state when it is known, and at every change. */
  onChange(listener: (serving: boolean) => void): void;
  /** From here on nothing is answered and nobody is called back. */
  stop(): void;
}

/** `now` is a clock in milliseconds. */
export function createHealthCheck({
  knex,
  log,
  now = () => performance.now(),
}: {
  knex: Knex;
  log: Logger;
  now?: () => number;
}): HealthCheck {
  const listeners: ((serving: boolean) => void)[] = [];
  let serving: boolean | undefined;
  let known: Health;
  let stopped = false;
  let last: { readonly at: number; readonly found: Promise<Health> } | undefined;

  const look = async (): Promise<Health> => {
    const found = await faultOf(knex);
    if (stopped) return stopping;
    if (serving !== undefined && found !== known)
      log.warn({ answered: found === undefined }, found ?? "the database answers again, and takes writes");
    known = found;
    if (serving === (found === undefined)) return found;
    serving = found === undefined;
    for (const listener of listeners) listener(serving);
    return found;
  };
  const check = (): Promise<Health> => {
    if (stopped) return Promise.resolve(stopping);
    if (last === undefined || now() - last.at >= cacheTtlMs) last = { at: now(), found: look() };
    return last.found;
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

const stopping = "the service is being stopped";

function faultOf(knex: Knex): Promise<Health> {
  return pingDatabase(knex).then(
    () => undefined,
    // Why else is in the log of the calls that fail.
    (error: unknown) => (error instanceof DatabaseReadOnly ? error.message : "the database does not answer"),
  );
}
