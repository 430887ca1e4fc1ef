/** What every secret value of the tests begins with: after a run nothing that was stored, logged or answered may hold it. */
export const canaryPrefix = "canary-7f3a91c4-";

/** A secret value for a test, which the scan at the end of a run knows again. */
export function canary(name: string): string {
  return `${canaryPrefix}${name}`;
}
