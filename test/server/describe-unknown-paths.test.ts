import { expect, test } from "vitest";
import { describeUnknownPaths } from "../../src/server/http/describe-unknown-paths.ts";

const describePath = describeUnknownPaths([
  "/v1/connections",
  "/v1/connections/{id}",
  "/v1/connections:lookup",
  "/v1/connection_profiles",
  "/v1/connection_profiles/{id}",
  "/v1/connection_profiles/{id}:undelete",
  "/v1/connection_profiles/{id}/revisions",
  "/connectory.v1.ConnectionService/CreateConnection",
  "/docs",
]);
const meant = (path: string) => `there is nothing at this path: did you mean ${path}?`;

test.each([
  ["/v1/connections/", "/v1/connections"],
  ["//v1//connections", "/v1/connections"],
  ["/v1/connections/?userId=a", "/v1/connections"],
  ["/v1/connection-profiles", "/v1/connection_profiles"],
  ["/v1/connectionProfiles/cp_1", "/v1/connection_profiles/{id}"],
  ["/v1/connection-profiles/cp_1/revision", "/v1/connection_profiles/{id}/revisions"],
  ["/connections", "/v1/connections"],
  ["/v2/connections", "/v1/connections"],
  ["/v1/conections", "/v1/connections"],
  ["/v1/connections:lokup", "/v1/connections:lookup"],
  ["/v1/connection_profiles/cp_1:undelte", "/v1/connection_profiles/{id}:undelete"],
  ["/connectory.v1.ConnectionService/createConnection", "/connectory.v1.ConnectionService/CreateConnection"],
  ["/doc", "/docs"],
])("%s", (path, nearest) => {
  expect(describePath(path)).toBe(meant(nearest));
});

test.each(["/", "", "/nothing/at/all", `/${"a/".repeat(1000)}`, `/${"connections".repeat(1000)}`])(
  "%.30s has none, and is not repeated",
  (path) => {
    expect(describePath(path)).toBe("there is nothing at this path: /docs lists those that exist");
  },
);
