import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { overGrpc, type Row } from "./send-mistake.ts";

const create = "/connectory.v1.ConnectionService/CreateConnection";
const pair = { userId1: "alice", userId2: "bob" };
const post = "POST /v1/connections";

/** Mistakes in requests about connections. */
export const connectionMistakes: readonly Row[] = [
  ["a missing user", ({ http }) => http(post, { userId1: "alice" }), 400, "userId2: value is required"],
  [
    "a missing user over gRPC",
    ({ connections: c }) => overGrpc(c.createConnection({ userId1: "alice" })),
    "InvalidArgument",
    "user_id_2: value is required",
  ],
  [
    "a missing user over Connect",
    ({ http }) => http(`POST ${create}`, { userId1: "alice" }),
    400,
    "userId2: value is required",
  ],
  [
    "a missing user over MCP",
    ({ tool }) => tool("createConnection", { userId1: "alice" }),
    "tool error",
    "INVALID_ARGUMENT (FIELD_INVALID): userId2: value is required",
  ],
  [
    "the wrong order",
    ({ http }) => http(post, { userId1: "bob", userId2: "alice" }),
    400,
    "userId1: must sort before userId2, bytewise: swap the two, or set anyOrder",
  ],
  [
    "the wrong order over gRPC",
    ({ connections: c }) => overGrpc(c.createConnection({ userId1: "bob", userId2: "alice" })),
    "InvalidArgument",
    "user_id_1: must sort before user_id_2, bytewise: swap the two, or set any_order",
  ],
  [
    "the wrong order over Connect",
    ({ http }) => http(`POST ${create}`, { userId1: "bob", userId2: "alice" }),
    400,
    "userId1: must sort before userId2, bytewise: swap the two, or set anyOrder",
  ],
  [
    "the wrong order over MCP",
    ({ tool }) => tool("createConnection", { userId1: "bob", userId2: "alice" }),
    "tool error",
    "INVALID_ARGUMENT (USER_IDS_OUT_OF_ORDER): userId1: must sort before userId2, bytewise: swap the two, or set anyOrder",
  ],
  [
    "the same user twice",
    ({ http }) => http(post, { userId1: "bob", userId2: "bob" }),
    400,
    "userId2: must be another user than userId1",
  ],
  [
    "a blank in a user id",
    ({ http }) => http(post, { userId1: "alice smith", userId2: "bob" }),
    400,
    "userId1: must be 1 to 128 letters, digits or _ . : | @ + / = % ~ - that begin with a letter, a digit, _, + or / (in a query, write + as %2B and % as %25)",
  ],
  [
    "a plus in a query",
    ({ http }) => http("GET /v1/connections?userId=alice+work@example.com"),
    400,
    "userId: must be 1 to 128 letters, digits or _ . : | @ + / = % ~ - that begin with a letter, a digit, _, + or / (in a query, write + as %2B and % as %25)",
  ],
  [
    "a misspelt field",
    ({ http }) => http(post, { userid1: "alice", userId2: "bob" }),
    400,
    "userid1: there is no such field: did you mean userId1? known here are connectionId, connectedSince, userId1, userId2, requestId, anyOrder",
  ],
  [
    "a misspelt field over Connect",
    ({ http }) => http(`POST ${create}`, { userid1: "alice", userId2: "bob" }),
    400,
    "userid1: there is no such field: did you mean userId1? known here are connectionId, connectedSince, userId1, userId2, requestId, anyOrder",
  ],
  [
    "a misspelt field over MCP",
    ({ tool }) => tool("createConnection", { userid1: "alice", userId2: "bob" }),
    "tool error",
    "INVALID_ARGUMENT (MESSAGE_MALFORMED): userid1: there is no such field: did you mean userId1? known here are connectionId, connectedSince, userId1, userId2, requestId, anyOrder",
  ],
  ["a number for a user", ({ http }) => http(post, { userId1: 4711, userId2: "bob" }), 400, "userId1: must be a text"],
  [
    "a field twice",
    ({ http }) => http(post, '{"userId1":"alice","userId1":"ann","userId2":"bob"}'),
    400,
    "userId1: is given twice: give it once",
  ],
  [
    "a field twice over Connect",
    ({ http }) => http(`POST ${create}`, '{"userId1":"alice","userId1":"ann","userId2":"bob"}'),
    400,
    "userId1: is given twice: give it once",
  ],
  [
    "a field under both names",
    ({ http }) => http(post, { userId1: "alice", user_id_1: "ann", userId2: "bob" }),
    400,
    "userId1: is given twice, under its two names",
  ],
  [
    "a day that is none",
    ({ http }) => http(post, { ...pair, connectedSince: "2024-02-30T00:00:00Z" }),
    400,
    "connectedSince: is a day that no calendar has",
  ],
  [
    "a time without a date",
    ({ tool }) => tool("createConnection", { ...pair, connectedSince: "12:00:00Z" }),
    "tool error",
    "INVALID_ARGUMENT (MESSAGE_MALFORMED): connectedSince: must be a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31",
  ],
  [
    "a time in the far future",
    ({ http }) => http(post, { ...pair, connectedSince: "2999-01-01T00:00:00Z" }),
    400,
    "connectedSince: must not lie more than 5 minutes in the future",
  ],
  [
    "a time in the far future over gRPC",
    ({ connections: c }) =>
      overGrpc(c.createConnection({ ...pair, connectedSince: timestampFromDate(new Date("2999-01-01")) })),
    "InvalidArgument",
    "connected_since: must not lie more than 5 minutes in the future",
  ],
  ["no UUID", ({ http }) => http(post, { ...pair, connectionId: "4711" }), 400, "connectionId: must be a valid UUID"],
  ["no UUID in a path", ({ http }) => http("GET /v1/connections/4711"), 400, "id: must be a valid UUID"],
  [
    "neither id nor pair",
    ({ tool }) => tool("getConnection", {}),
    "tool error",
    "INVALID_ARGUMENT (FIELD_INVALID): id: send either id alone, or both userId1 and userId2",
  ],
  [
    "a page token of another list",
    ({ http }) => http("GET /v1/connections?userId=alice&pageToken=abc"),
    400,
    "pageToken: not a token of this list: send the one that came with the page before, with the same other fields",
  ],
  [
    "the wrong order in a batch",
    ({ tool }) => tool("batchCreateConnections", { requests: [{ userId1: "b", userId2: "a" }] }),
    "result",
    '"message":"userId1: must sort before userId2, bytewise: swap the two, or set anyOrder"',
  ],
];
