/** The calls that the bench makes. */
export type Method =
  | "CreateConnection"
  | "GetConnection"
  | "CreateConnectionProfile"
  | "GetConnectionProfile"
  | "ListConnectionProfiles"
  | "TestConnectionProfile";

/** Where a method is served, the same over gRPC and Connect. */
export function methodPath(method: Method): string {
  const service = method.includes("Profile") ? "ConnectionProfileService" : "ConnectionService";
  return `/connectory.v1.${service}/${method}`;
}
