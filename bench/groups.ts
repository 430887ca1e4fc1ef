/** Rows that are compared with one another: a call and a number of callers. */
export const groups = [
  "create-1",
  "create-64",
  "create-256",
  "get-64",
  "http-64",
  "rest-64",
  "mcp-64",
  "profile-get-64",
  "profile-list-8",
  "profile-create-16",
  "profile-test-8",
  "secret-seal",
  "start",
  "black-holes",
  "attacks",
  "request-limits",
  "overload",
  "neighbours",
] as const;

export type Group = (typeof groups)[number];
