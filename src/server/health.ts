import type { Knex } from "knex";
import type { Logger } from "pino";
import { pingDatabase } from "../database/ping.ts";
import { DatabaseReadOnly } from "../database/reject-read-only.ts";

/** Milliseconds between two periodic checks of the database. */
const everyMs = 2000;

/** Milliseconds that a result is cached for later checks. */
const cacheTtlMs = 1000;

/** Undefined when the service is healthy, else a description of the problem that any caller may see. */
export type Health = string | undefined;

/** The health of the server, which is the health of its database. */
export interface HealthCheck {
  /** Returns the health. The result is cached for 1 s, because each check takes a connection from the pool. */
  check(): Promise<Health>;
  /** Adds a listener that is called at every change, and at once when the state is known. */
  onChange(listener: (serving: boolean) => void): void;
  /** Stops the checks: `check` then reports that the service is stopping, and no listener is called by later checks. */
  stop(): void;
}

/** Creates a health check and starts its periodic checks (every 2 s). `now` is a clock in milliseconds; default: `performance.now`. */
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
    // The log of the failing calls has any other cause.
    (error: unknown) => (error instanceof DatabaseReadOnly ? error.message : "the database does not answer"),
  );
}
