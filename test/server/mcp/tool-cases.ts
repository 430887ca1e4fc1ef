import { canary } from "../../support/canary.ts";

/** What the calls before have found out: ids, etags, revisions. */
export interface Known {
  connection: string;
  profile: string;
  etag: string;
  revision: string;
  /** Where nothing listens. */
  closed: number;
  /** The address of a catalog that can be listed. */
  catalog: string;
}

/** A call of a tool that succeeds, and one that is refused. They run in this order, each on what those before left. */
export interface ToolCase {
  readonly tool: string;
  readonly good: (known: Known) => object;
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  readonly keep?: (answer: any, known: Known) => void;
  readonly bad: (known: Known) => object;
  readonly code: string;
  readonly reason: string;
  /** The fields that are to blame, in JSON names. */
  readonly fields?: readonly string[];
}

const noConnection = "01920000-0000-7000-8000-000000000000";
const noProfile = "cp_0000000000000000";
const missing = { code: "NOT_FOUND", reason: "PROFILE_NOT_FOUND" };
const configOf = ({ closed }: Known) => ({
  postgres: { host: "127.0.0.1", port: closed, username: "ann", password: canary("mcp") },
});

export const toolCases: readonly ToolCase[] = [
  {
    tool: "createConnection",
    good: () => ({ userId1: "alice", userId2: "bob" }),
    keep: ({ connection }, known) => {
      known.connection = connection.id;
    },
    bad: () => ({ userId1: "bob", userId2: "alice" }),
    code: "INVALID_ARGUMENT",
    reason: "USER_IDS_OUT_OF_ORDER",
    fields: ["userId1"],
  },
  {
    tool: "batchCreateConnections",
    // Two are refused, which the answer says; the details of why are messages of any kind.
    good: () => ({
      requests: [
        { userId1: "bob", userId2: "carol" },
        { userId1: "alice", userId2: "bob" },
        { userId1: "carol", userId2: "bob" },
      ],
    }),
    bad: () => ({ requests: [{ userId1: "a", userId3: "b" }, 5] }),
    code: "INVALID_ARGUMENT",
    reason: "MESSAGE_MALFORMED",
    fields: ["requests[0].userId3", "requests[1]"],
  },
  {
    tool: "getConnection",
    good: ({ connection }) => ({ id: connection }),
    bad: () => ({ id: noConnection }),
    code: "NOT_FOUND",
    reason: "CONNECTION_NOT_FOUND",
  },
  {
    tool: "listConnections",
    good: () => ({ userId: "bob", pageSize: 1 }),
    bad: () => ({ pageSize: -1 }),
    code: "INVALID_ARGUMENT",
    reason: "FIELD_INVALID",
    fields: ["userId", "pageSize"],
  },
  {
    tool: "countConnections",
    good: () => ({ userId: "bob" }),
    bad: () => ({ userId: 7 }),
    code: "INVALID_ARGUMENT",
    reason: "MESSAGE_MALFORMED",
    fields: ["userId"],
  },
  {
    tool: "batchCheckConnections",
    good: () => ({ pairs: [{ userId1: "bob", userId2: "alice" }] }),
    bad: () => ({ pairs: [{ userId1: "bob" }] }),
    code: "INVALID_ARGUMENT",
    reason: "FIELD_INVALID",
    fields: ["pairs[0].userId2"],
  },
  {
    tool: "listMutualConnections",
    good: () => ({ userId: "alice", otherUserId: "carol" }),
    bad: () => ({ userId: "alice", otherUserId: "carol", pageToken: "x" }),
    code: "INVALID_ARGUMENT",
    reason: "PAGE_TOKEN_INVALID",
    fields: ["pageToken"],
  },
  {
    tool: "deleteConnection",
    good: ({ connection }) => ({ id: connection }),
    bad: () => ({ id: noConnection }),
    code: "NOT_FOUND",
    reason: "CONNECTION_NOT_FOUND",
  },
  {
    tool: "listConnectors",
    good: () => ({}),
    bad: () => ({ of: "kafka" }),
    code: "INVALID_ARGUMENT",
    reason: "MESSAGE_MALFORMED",
    fields: ["of"],
  },
  {
    tool: "getConnector",
    good: () => ({ id: "kafka" }),
    bad: () => ({ id: "none" }),
    code: "NOT_FOUND",
    reason: "CONNECTOR_NOT_FOUND",
  },
  {
    tool: "createConnectionProfile",
    good: (known) => ({ name: "orders", connector: "postgres", config: configOf(known) }),
    keep: ({ connectionProfile }, known) => {
      ({ id: known.profile, etag: known.etag, revision: known.revision } = connectionProfile);
    },
    bad: (known) => ({ name: "orders", config: configOf(known) }),
    code: "ALREADY_EXISTS",
    reason: "PROFILE_NAME_TAKEN",
  },
  {
    tool: "getConnectionProfile",
    good: ({ profile }) => ({ id: profile }),
    bad: () => ({ id: noProfile }),
    ...missing,
  },
  {
    tool: "listConnectionProfiles",
    good: () => ({ filter: 'connector = "postgres"' }),
    bad: () => ({ filter: "?" }),
    code: "INVALID_ARGUMENT",
    reason: "FIELD_INVALID",
    fields: ["filter"],
  },
  {
    tool: "updateConnectionProfile",
    good: ({ profile }) => ({
      id: profile,
      updateMask: "config.postgres.database",
      config: { postgres: { database: "shop" } },
    }),
    bad: ({ profile, etag }) => ({ id: profile, name: "late", etag }),
    code: "ABORTED",
    reason: "ETAG_MISMATCH",
  },
  {
    tool: "rollbackConnectionProfile",
    good: ({ profile, revision }) => ({ id: profile, revision }),
    bad: ({ profile }) => ({ id: profile, revision: "999999" }),
    code: "NOT_FOUND",
    reason: "REVISION_NOT_FOUND",
  },
  {
    tool: "listConnectionProfileRevisions",
    good: ({ profile }) => ({ id: profile }),
    bad: () => ({ id: noProfile }),
    ...missing,
  },
  {
    tool: "testConnectionProfile",
    good: ({ profile }) => ({ id: profile }),
    bad: () => ({ id: noProfile }),
    ...missing,
  },
  {
    tool: "streamConnectionProfileTest",
    good: ({ profile }) => ({ id: profile }),
    bad: () => ({ id: noProfile }),
    ...missing,
  },
  {
    tool: "discoverConnectionProfile",
    good: ({ catalog }) => ({ config: { iceberg: { url: catalog } }, pageSize: 1 }),
    bad: ({ profile }) => ({ id: profile }),
    code: "FAILED_PRECONDITION",
    reason: "TARGET_UNUSABLE",
  },
  {
    tool: "deleteConnectionProfile",
    good: ({ profile }) => ({ id: profile }),
    bad: () => ({ id: noProfile }),
    ...missing,
  },
  {
    tool: "undeleteConnectionProfile",
    good: ({ profile }) => ({ id: profile }),
    bad: ({ profile }) => ({ id: profile }),
    code: "ALREADY_EXISTS",
    reason: "PROFILE_NOT_DELETED",
  },
  {
    tool: "expungeConnectionProfile",
    good: ({ profile }) => ({ id: profile }),
    bad: ({ profile }) => ({ id: profile }),
    ...missing,
  },
];
