import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { watch } from "../../src/client/index.ts";
import { createConnectoryClient } from "../../src/client/node/index.ts";
import { isTransientError } from "../../src/database/is-transient-error.ts";
import { openKnex } from "../../src/database/open-knex.ts";
import { explainError } from "../../src/interceptors/map-errors.ts";
import { serveScripted } from "../client/serve-scripted.ts";
import { createTestDatabase } from "../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** The SQLSTATEs of PostgreSQL 18's appendix A that say "not now". */
const transientStates = [
  ...["08000", "08001", "08003", "08004", "08006", "08007", "08P01"],
  ...["25006", "25P03", "25P04", "26000", "42P05", "28000", "28P01", "3D000"],
  ...["40000", "40001", "40002", "40003", "40P01"],
  ...["53000", "53100", "53200", "53300", "53400", "55000", "55006", "55P03"],
  ...["57014", "57P01", "57P02", "57P03", "57P04", "57P05"],
  ...["58000", "58030", "58P01", "58P02"],
];
const lastingStates = ["0A000", "22P02", "23505", "25P02", "42601", "42P01", "54000", "57000", "P0001"];

/** Codes that have no SQLSTATE: the system's, the resolver's, those of TLS. */
const networkCodes = [
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH"],
  ...[
    "ENETDOWN",
    "EADDRNOTAVAIL",
    "EPROTO",
    "ENOTFOUND",
    "EAI_AGAIN",
    "EAI_FAIL",
    "EAI_NODATA",
    "ERR_STREAM_DESTROYED",
  ],
  ...[
    "CERT_HAS_EXPIRED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ],
  ...["ERR_TLS_CERT_ALTNAME_INVALID", "ERR_SSL_WRONG_VERSION_NUMBER"],
];
const connectCodes = ["ENOENT", "EACCES", "EAGAIN", "EMFILE", "ENFILE"];

/** Every error that pg, tarn and Knex make in the files that a statement passes through, and which of them are defects. */
const sources: Record<string, readonly string[]> = {
  "pg/lib/client.js": [
    "Client has already been connected. You cannot reuse a client.",
    "Password must be a string",
    "Client was passed a null or undefined query",
    "callback is not a function",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as the source has it
    "${portalQuery} not supported in pipeline mode",
  ],
  "pg/lib/connection.js": [],
  "pg/lib/query.js": [
    "A query must have either text or a name. Supplying neither is unsupported.",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as the source has it
    "Prepared statements must be unique - '${this.name}' was used for a different statement",
    "Query values must be an array",
  ],
  "pg/lib/crypto/sasl.js": [
    ...["Buffer lengths must match", "Buffers cannot be empty"],
    ...["first argument must be a Buffer", "second argument must be a Buffer"],
  ],
  "tarn/dist/PendingOperation.js": [],
  "knex/lib/util/timeout.js": [],
};

/** The texts that a file makes errors of, templates as they are written. */
async function errorsIn(file: string): Promise<string[]> {
  const source = await readFile(fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url)), "utf8");
  const made = source.matchAll(/new (?:\w+\.)?\w*Error\(\s*(?:'((?:[^'\\]|\\.)+)'|"([^"]+)"|`([^`]+)`)/g);
  return [...made].map(([, single, double, template]) => single ?? double ?? template ?? "");
}

async function transientMessages(): Promise<string[]> {
  const all = await Promise.all(
    Object.entries(sources).map(async ([file, defects]) =>
      (await errorsIn(file)).filter((text) => !defects.includes(text)),
    ),
  );
  return [...new Set(all.flat())];
}

describe("a statement that PostgreSQL refuses", () => {
  const raise = (state: string) =>
    database.knex
      .raw(`do $$ begin raise exception 'as the test says' using errcode = '${state}'; end $$`)
      .then(String, (error: unknown) => error);

  test.each(transientStates)("with %s can be sent again later", async (state) => {
    const error = await raise(state);
    expect(error).toMatchObject({ code: state });
    expect(isTransientError(error)).toBe(true);
  });

  test.each(lastingStates)("with %s is refused for good", async (state) => {
    const error = await raise(state);
    expect(error).toMatchObject({ code: state });
    expect(isTransientError(error)).toBe(false);
  });
});

test.each(networkCodes)("%s of the network is the database being away", (code) => {
  expect(isTransientError(Object.assign(new Error("as the test says"), { code }))).toBe(true);
});

test.each(connectCodes)("%s is the database being away only when it comes from connecting", (code) => {
  expect(isTransientError(Object.assign(new Error("as the test says"), { code, syscall: "connect" }))).toBe(true);
  expect(isTransientError(Object.assign(new Error("as the test says"), { code, syscall: "open" }))).toBe(false);
});

test.each(Object.entries(sources))(
  "every error of %s is known, and none of its defects passes",
  async (file, defects) => {
    const texts = await errorsIn(file);
    expect(texts).not.toEqual([]);
    expect(texts).toEqual(expect.arrayContaining([...defects]));
    for (const text of texts)
      for (const prefix of ["", "select 1 - "]) {
        expect({ text, is: isTransientError(new Error(prefix + text)) }).toEqual({ text, is: !defects.includes(text) });
      }
  },
);

test("a text of the table inside another error says nothing", () => {
  expect(isTransientError(new Error("select 'timeout expired' - something else"))).toBe(false);
  expect(isTransientError(Object.assign(new Error("select 1 - timeout expired"), { code: "22P02" }))).toBe(false);
});

/** What fails a statement of a pool that has one connection, against a server that does this with each that comes. */
async function failuresAt(behave: Parameters<typeof createServer>[1], query = ""): Promise<unknown[]> {
  const server = createServer(behave).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  const knex = openKnex({ url: `postgres://user@127.0.0.1:${address.port}/any${query}` }, 1);
  try {
    const statements = [knex.raw("select 1"), knex.raw("select 1"), knex.transaction((trx) => trx.raw("select 1"))];
    return await Promise.all(statements.map((one) => one.then(String, (error: unknown) => error)));
  } finally {
    await knex.destroy();
    server.close();
  }
}

describe("a server that is there and not at work", () => {
  test.each([
    ["says nothing", () => {}, ""],
    ["hangs up", (socket) => void socket.destroy(), ""],
    ["hangs up after the first bytes", (socket) => void socket.once("data", () => socket.destroy()), ""],
    [
      "has no TLS where TLS is wanted",
      (socket) => void socket.once("data", () => socket.write("N")),
      "?sslmode=verify-full",
    ],
    ["fails at TLS", (socket) => void socket.once("data", () => socket.write("E")), "?sslmode=verify-full"],
    [
      "speaks another protocol",
      (socket) => void socket.once("data", () => socket.write("HTTP/1.1 400 No\r\n\r\n")),
      "",
    ],
  ] satisfies [string, Parameters<typeof createServer>[1], string][])("%s", async (_, behave, query) => {
    for (const error of await failuresAt(behave, query))
      expect({ error: String(error), is: isTransientError(error) }).toEqual({ error: String(error), is: true });
  });
});

test("statements that a pool still holds when it ends fail as the database being away", async () => {
  const knex = openKnex(database.target, 1);
  const holding = await knex.transaction();
  const waiting = knex.raw("select 1").then(String, (error: unknown) => error);
  const ended = knex.destroy();
  await holding.rollback();
  await ended;
  expect(isTransientError(await waiting)).toBe(true);
  expect(isTransientError(await knex.raw("select 1").then(String, (error: unknown) => error))).toBe(true);
});

test("a typed watch goes on after each of them", async () => {
  const coded = [...transientStates, ...networkCodes].map((code) => Object.assign(new Error("it says"), { code }));
  const errors = [...coded, ...(await transientMessages()).map((text) => new Error(text))];
  const failed = new Set<bigint>();
  const log = pino({ level: "silent" });
  const { baseUrl, stop } = await serveScripted({
    async *watchConnections({ afterRevision = 0n }, { signal }) {
      if (!failed.has(afterRevision)) {
        failed.add(afterRevision);
        throw explainError(log, errors[Number(afterRevision)], { requestId: "r", rpc: "WatchConnections", signal });
      }
      yield { revision: afterRevision + 1n };
    },
  });
  try {
    const { connections } = createConnectoryClient({ baseUrl, token: "any" });
    const watched = errors.map(async (error, index) => {
      for await (const { revision } of watch(connections.watchConnections, { afterRevision: BigInt(index) }))
        return { error: String(error), revision };
      throw new Error(`the watch after ${error} has ended`);
    });
    const seen = await Promise.allSettled(watched);
    expect(seen).toEqual(
      errors.map((error, index) => ({
        status: "fulfilled",
        value: { error: String(error), revision: BigInt(index + 1) },
      })),
    );
    expect(failed.size).toBe(errors.length);
  } finally {
    await stop();
  }
});
