import { coalesce } from "./coalesce.ts";

/** Limits of concurrent runs. */
export interface OrganizationLimits {
  readonly total: number;
  /** Further runs of an organization wait without counting against the total. */
  readonly perOrganization: number;
  /**
   * The maximum number of runs that wait or run, of one organization and in total; a further one is refused with QUEUE_FULL.
   */
  readonly maxWaiting: number;
}

/**
 * Runs a function within the limits of its organization and in total. Runs within their organization's limit start in the order
 * in which they reached it, so organizations take turns. Throws ApiError QUEUE_FULL after too long a wait for either limit (see
 * `coalesce.ts`), and rejects with the signal's reason when it is aborted in the queue.
 */
export type RunLimited = <Result>(
  organizationId: string,
  run: () => Promise<Result>,
  signal?: AbortSignal,
) => Promise<Result>;

interface Job {
  readonly run: () => Promise<unknown>;
  readonly signal: AbortSignal | undefined;
}

/** Returns the limiter. `waited` gets the wait for the total limit, in milliseconds; default: none. */
export function createOrganizationLimiter(limits: OrganizationLimits, waited?: (ms: number) => void): RunLimited {
  const { total, perOrganization, maxWaiting } = limits;
  const single =
    <Result>(run: (job: Job) => Promise<Result>) =>
    async ([job]: readonly Job[]): Promise<(Result | Error)[]> => [await run(job as Job).catch(toError)];
  const ofAll = coalesce(
    single(({ run }) => run()),
    { maxBatch: 1, maxRunning: total, maxWaiting },
    waited,
  );
  const begin = () =>
    coalesce(
      single((job) => ofAll(job, job.signal)),
      { maxBatch: 1, maxRunning: perOrganization, maxWaiting },
    );
  const organizations = new Map<string, { readonly enter: ReturnType<typeof begin>; jobs: number }>();
  return async <Result>(organizationId: string, run: () => Promise<Result>, signal?: AbortSignal) => {
    const own = organizations.get(organizationId) ?? { enter: begin(), jobs: 0 };
    organizations.set(organizationId, own);
    own.jobs += 1;
    try {
      return (await own.enter({ run, signal }, signal)) as Result;
    } finally {
      own.jobs -= 1;
      if (own.jobs === 0) organizations.delete(organizationId);
    }
  };
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error("what failed was no error", { cause: error });
}
