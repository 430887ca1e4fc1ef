import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../failure.ts";

/** How many may follow the log at once. */
export interface PlaceLimits {
  readonly total: number;
  readonly perOrganization: number;
}

/** Takes a place for an organization, or throws Failure TOO_MANY_WATCHES. Returns the function that gives it back. */
export type TakePlace = (organizationId: string) => () => void;

export function createPlaces({ total, perOrganization }: PlaceLimits): TakePlace {
  const takenBy = new Map<string, number>();
  let taken = 0;
  return (organizationId) => {
    const own = takenBy.get(organizationId) ?? 0;
    if (own >= perOrganization) throw tooMany(`your organization has ${own}`);
    if (taken >= total) throw tooMany(`this server has ${taken}`);
    taken += 1;
    takenBy.set(organizationId, own + 1);
    return () => {
      taken -= 1;
      const left = (takenBy.get(organizationId) ?? 0) - 1;
      if (left > 0) takenBy.set(organizationId, left);
      else takenBy.delete(organizationId);
    };
  };
}

function tooMany(who: string): Failure {
  return new Failure(ErrorReason.TOO_MANY_WATCHES, `${who} watches open already: close one, or try again later`, {
    retryAfterMs: 10_000,
  });
}
