/** Whether several organizations called within the last second. */
export interface RecentOrganizations {
  /** To be called with the organization of each call. */
  note(organizationId: string): void;
  areSeveral(): boolean;
}

/** Returns the record: constant time and memory for any number of organizations, because only changes are noted. */
export function createRecentOrganizations(withinMs = 1000): RecentOrganizations {
  let last: string | undefined;
  let changedAt = Number.NEGATIVE_INFINITY;
  return {
    note: (organizationId) => {
      if (organizationId === last) return;
      if (last !== undefined) changedAt = performance.now();
      last = organizationId;
    },
    areSeveral: () => performance.now() - changedAt < withinMs,
  };
}
