import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { silent, type Telemetry } from "../../telemetry/telemetry.ts";
import type { StoredEvent } from "../log/event.ts";
import type { EventSink } from "./event-sink.ts";
import { measureLag } from "./lag-metrics.ts";
import { createLease } from "./lease.ts";
import { moveCursors, type Position, readOutbox } from "./outbox-cursor.ts";
import { publishEvents } from "./publish-events.ts";

/** A running relay from the event log to the sink. */
export interface OutboxRelay {
  /** Polls at once because there may be new events. Cheap; has no effect where another process holds the lease. */
  onCommit(): void;
  /** Stops within 4 s, also during a publish that hangs. Close the sink after it. */
  stop(): Promise<void>;
}

/** Dependencies and times of the relay. */
export interface OutboxRelayOptions {
  readonly knex: Knex;
  readonly sink: EventSink;
  readonly log: Logger;
  /** Default: none. */
  readonly telemetry?: Telemetry;
  readonly topicPrefix: string;
  /** The unique name of this process among those that use the database. */
  readonly holder: string;
  /** The interval of polls for events of other processes and for a free lease, in milliseconds. Default: 1000. */
  readonly pollMs?: number;
  /** The time until the lease of an unresponsive process expires, in milliseconds. Default: 10 000. */
  readonly leaseMs?: number;
}

/** The name of the reader in `event_cursor`, and of the lease. */
const reader = "kafka";
const stopMs = 3000;
/** The lease is released after this many consecutive failures, for another process to try. */
const failuresPerTurn = 3;

/**
 * Publishes the event log to the sink: each event at least once, those of one key in revision order.
 *
 * Every pass reads from the cursors, publishes, and moves the cursors when all is acknowledged; rejected events are read again.
 * So an event is only sent after all before it were acknowledged, whichever process sends: a second lease holder, or a lost
 * response, can repeat a sequence of events in the topic, but the first copy of each is in order, and repeats have the same
 * `ce_id`. The lease only prevents duplicate work.
 */
export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { knex, sink, log, telemetry = silent, topicPrefix, holder, pollMs = 1000, leaseMs = 10_000 } = options;
  const lease = createLease({ knex, name: reader, holder, ttlMs: leaseMs, log });
  const stopping = new AbortController();
  const blockedOrganizations = new Set<string>();
  let wakeSignal = new AbortController();
  let stopped = false;
  let failures = 0;

  const onPoisonEvent = ({ organizationId, revision, type }: StoredEvent) => {
    blockedOrganizations.add(organizationId);
    log.error(
      { organizationId, revision, type },
      "an event is larger than Kafka takes: this organization's events wait until the limit is raised and the service started again",
    );
  };

  const publishNext = async (): Promise<boolean> => {
    const { events, missing } = await readOutbox(knex, reader, blockedOrganizations);
    for (const gap of missing) {
      blockedOrganizations.add(gap.organizationId);
      log.error(gap, "an event is missing in the log: this organization's events are not published any more");
    }
    if (events.length === 0) return false;
    if (!lease.isHeld()) return true;
    const published = await publishEvents(events, { sink, topicPrefix, onPoisonEvent });
    if (failures > 0) log.info({ failures }, "events are published again");
    failures = 0;
    const positions = lastOfEach(published);
    if (!stopped && !(await moveCursors(knex, { reader, lease: reader, holder, positions }))) await lease.release();
    return true;
  };

  /** One pass: publishes the next events, or waits for new events or the next poll. */
  const runOnce = async (): Promise<void> => {
    if (!(await lease.hold())) return sleepUntil(pollMs, stopping.signal);
    if (await publishNext()) return;
    await sleepUntil(pollMs, wakeSignal.signal);
    wakeSignal = new AbortController();
  };

  const recover = async (err: unknown): Promise<void> => {
    failures += 1;
    if (failures === 1) log.error({ err }, "events cannot be published: they wait in the log and are tried again");
    else log.debug({ err, failures }, "events still cannot be published");
    // Another process may reach the sink.
    if (failures % failuresPerTurn === 0) await lease.release();
    await sleepUntil(backOffMs(failures), stopping.signal);
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await runOnce();
      } catch (err) {
        if (stopped) return;
        await recover(err).catch((error: unknown) => log.debug({ err: error }, "the lease was not given back"));
      }
    }
  };
  const running = run();
  const endLag = measureLag({ knex, meter: telemetry.meter, reader, blocked: () => blockedOrganizations.size });

  return {
    onCommit: () => wakeSignal.abort(),
    async stop() {
      stopping.abort();
      wakeSignal.abort();
      endLag();
      await Promise.race([running, sleep(stopMs, undefined, { ref: false })]);
      stopped = true;
      const released = lease.release().catch((err: unknown) => log.warn({ err }, "the lease was not given back"));
      await Promise.race([released, sleep(1000, undefined, { ref: false })]);
    },
  };
}

/** Sleeps until the time has passed or the signal aborts. */
async function sleepUntil(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined); // it rejects only when the signal aborts
}

/** Doubles from 0.2 s to 5 s; the jitter spreads the retries of processes that failed at the same time. */
function backOffMs(failures: number): number {
  return Math.min(100 * 2 ** failures, 5000) * (0.5 + Math.random() / 2);
}

function lastOfEach(events: readonly Position[]): Position[] {
  return [
    ...new Map(events.map(({ organizationId, revision }) => [organizationId, { organizationId, revision }])).values(),
  ];
}
