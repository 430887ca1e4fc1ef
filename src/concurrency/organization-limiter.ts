import { coalesce } from "./coalesce.ts";

/** How many runs there may be at a time. */
export interface OrganizationLimits {
  readonly total: number;
  /** The others of an organization wait, without a place of the total. */
  readonly perOrganization: number;
  /** The most that wait or run, of one organization and of all; one more is refused with RESOURCE_EXHAUSTED. */
  readonly maxWaiting: number;
}

/**
 * Runs something when there is a place for it, one of its organization and one of all; callers with one of their own wait in the
 * order in which they got it, so organizations take turns. Rejects with ApiError QUEUE_FULL when a wait for either place took too
 * long (`coalesce.ts`), with the signal's reason when it is aborted meanwhile.
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

/** `waited` is told how long the next has waited for a place of all. */
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
