import type { Row } from "./send-mistake.ts";

const create = "/connectory.v1.ConnectionService/CreateConnection";
const pair = { userId1: "alice", userId2: "bob" };
const post = "POST /v1/connections";
const profiles = "POST /v1/connection_profiles";

/** Mistakes in paths, methods and the form of a body. */
export const pathMistakes: readonly Row[] = [
  ["the address alone", ({ http }) => http("GET /"), 302, "/docs"],
  [
    "a path with a slash at its end",
    ({ http }) => http("GET /v1/connections/?userId=alice"),
    404,
    "there is nothing at this path: did you mean /v1/connections?",
  ],
  [
    "a dash for an underscore",
    ({ http }) => http("GET /v1/connection-profiles"),
    404,
    "there is nothing at this path: did you mean /v1/connection_profiles?",
  ],
  [
    "without /v1",
    ({ http }) => http("GET /connections?userId=alice"),
    404,
    "there is nothing at this path: did you mean /v1/connections?",
  ],
  [
    "a singular",
    ({ http }) => http("POST /v1/connection", pair),
    404,
    "there is nothing at this path: did you mean /v1/connections?",
  ],
  [
    "a misspelt verb",
    ({ http }) => http("POST /v1/connection_profiles/cp_0123456789:undelte", {}),
    404,
    "there is nothing at this path: did you mean /v1/connection_profiles/{id}:undelete?",
  ],
  [
    "a method of RPC in camelCase",
    ({ http }) => http("POST /connectory.v1.ConnectionService/createConnection", pair),
    404,
    "there is nothing at this path: did you mean /connectory.v1.ConnectionService/CreateConnection?",
  ],
  [
    "PUT for PATCH",
    ({ http }) => http("PUT /v1/connection_profiles/cp_0123456789", {}),
    405,
    "this path knows DELETE, GET, HEAD, PATCH",
  ],
  [
    "GET on a write over Connect",
    ({ http }) => http(`GET ${create}`),
    405,
    "CreateConnection is called with POST because GET is for RPCs that only read",
  ],
  [
    "PUT over Connect",
    ({ http }) => http("PUT /connectory.v1.ConnectionService/ListConnections", {}),
    405,
    "ListConnections is called with GET, POST",
  ],
  [
    "Connect without a content-type",
    ({ http }) => http(`POST ${create}`),
    415,
    "the request has no content-type: send a JSON object with the header content-type: application/json",
  ],
  [
    "Connect as text",
    ({ http }) => http(`POST ${create}`, pair, { "content-type": "text/plain" }),
    415,
    "this content-type is not one of Connect, gRPC-Web or gRPC: send a JSON object with the header content-type: application/json",
  ],
  [
    "a stream as unary JSON",
    ({ http }) => http("POST /connectory.v1.ConnectionService/WatchConnections", {}),
    415,
    "this content-type is not one of Connect, gRPC-Web or gRPC: send a JSON object in an envelope with the header content-type: application/connect+json",
  ],
  [
    "REST as a form",
    ({ http }) => http(post, "userId1=alice&userId2=bob", { "content-type": "application/x-www-form-urlencoded" }),
    415,
    "the body must be JSON: send it with the header `content-type: application/json`",
  ],
  [
    "YAML by its content-type",
    ({ http }) => http(profiles, "name: x", { "content-type": "application/yaml" }),
    415,
    "the body must be JSON: send it with the header `content-type: application/json`",
  ],
  [
    "YAML as JSON",
    ({ http }) => http(profiles, "name: x\nconnector: kafka\n"),
    400,
    "the body is not JSON: line 1, column 1: a text must be in double quotes; it looks like YAML, and must be JSON",
  ],
  [
    "a trailing comma",
    ({ http }) => http(post, '{\n  "userId1": "alice",\n  "userId2": "bob",\n}'),
    400,
    "the body is not JSON: line 3, column 19: no comma may follow the last element: remove it",
  ],
  [
    "a trailing comma over Connect",
    ({ http }) => http(`POST ${create}`, '{"userId1":"alice",}'),
    400,
    "the body is not JSON: line 1, column 19: no comma may follow the last element: remove it",
  ],
  [
    "single quotes",
    ({ http }) => http(post, "{'userId1':'alice'}"),
    400,
    "the body is not JSON: line 1, column 2: a name must be in double quotes",
  ],
  [
    "no body over Connect",
    ({ http }) => http(`POST ${create}`, ""),
    400,
    "the body is empty: send a JSON object, {} when no field is set",
  ],
  ["a list for an object", ({ http }) => http(post, [pair]), 400, "the body must be a JSON object"],
  [
    "a list for an object over Connect",
    ({ http }) => http(`POST ${create}`, [pair]),
    400,
    "the request must be a JSON object",
  ],
  [
    "a trailing comma over MCP",
    ({ http }) => http("POST /mcp", '{"jsonrpc":"2.0",}', { accept: "application/json, text/event-stream" }),
    400,
    "the body is not JSON: line 1, column 17: no comma may follow the last element: remove it",
  ],
  [
    "a misspelt tool",
    ({ tool }) => tool("createConection", pair),
    200,
    'there is no tool "createConection": did you mean createConnection?',
  ],
  [
    "no token",
    ({ http }) => http(post, pair, { authorization: "" }),
    401,
    "no bearer token: send the header `authorization: Bearer <token>`",
  ],
  [
    "a token without Bearer",
    ({ http }) => http(post, pair, { authorization: "abc.def.ghi" }),
    401,
    "no bearer token: send the header `authorization: Bearer <token>`",
  ],
  [
    "fields in the query of a POST",
    ({ http }) => http(`${post}?userId1=alice`, { userId2: "bob" }),
    400,
    "userId1: is no parameter: this method's fields go into the body",
  ],
  [
    "a body with fields for DELETE",
    ({ http }) => http("DELETE /v1/connections/0190a6c0-0000-7000-8000-000000000001", pair),
    400,
    "this method takes its fields from the path and the query: send no body, or {}",
  ],
  [
    "an unknown parameter",
    ({ http }) => http("GET /v1/connections?user=alice"),
    400,
    "user: there is no such parameter: known here are userId, pageSize, pageToken",
  ],
];
