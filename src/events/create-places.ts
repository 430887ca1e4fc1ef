import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/** How many may follow the log at once. */
export interface PlaceLimits {
  readonly total: number;
  readonly perOrganization: number;
}

/**
 * Takes a place for an organization, or throws Failure TOO_MANY_WATCHES. Returns the function that gives it back (calling
 * it twice is no harm). `evict` is called when the place is taken away again, for an organization that has fewer.
 */
export type TakePlace = (organizationId: string, evict: (why: Failure) => void) => () => void;

interface Place {
  readonly evict: (why: Failure) => void;
}

/**
 * When all places are taken, an organization with fewer than another gets the newest of the one that has most: each can
 * have an equal share, whoever came first. It ends there, because a place moves only where that makes the two more equal.
 */
export function createPlaces({ total, perOrganization }: PlaceLimits): TakePlace {
  const takenBy = new Map<string, Set<Place>>();
  let taken = 0;

  const release = (organizationId: string, place: Place) => {
    const places = takenBy.get(organizationId);
    if (places?.delete(place) !== true) return;
    taken -= 1;
    if (places.size === 0) takenBy.delete(organizationId);
  };

  const evictOne = (own: number) => {
    let most: [string, ReadonlySet<Place>] | undefined;
    for (const entry of takenBy) if (entry[1].size > (most?.[1].size ?? own + 1)) most = entry;
    const newest = most === undefined ? undefined : [...most[1]].at(-1);
    if (most === undefined || newest === undefined) throw tooMany(`this server has ${taken}`);
    release(most[0], newest);
    newest.evict(evicted());
  };

  return (organizationId, evict) => {
    const own = takenBy.get(organizationId)?.size ?? 0;
    if (own >= perOrganization) throw tooMany(`your organization has ${own}`);
    if (taken >= total) evictOne(own);
    const place = { evict };
    const places = takenBy.get(organizationId) ?? new Set();
    takenBy.set(organizationId, places.add(place));
    taken += 1;
    return () => release(organizationId, place);
  };
}

function tooMany(who: string): Failure {
  return new Failure(ErrorReason.TOO_MANY_WATCHES, `${who} watches open already: close one, or try again later`, {
    retryAfterMs: 10_000,
  });
}

function evicted(): Failure {
  return new Failure(
    ErrorReason.TOO_MANY_WATCHES,
    "this server has no watches left, and your organization has more than its share: go on after the last revision you have",
    { retryAfterMs: 10_000 },
  );
}
