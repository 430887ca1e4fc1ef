import { afterEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import type { LocalServer } from "../local-server.ts";
import { discoverWith, failure, steps, tryConnector } from "../run-probe.ts";
import { type Answer, greeting, message, ok, refusal, startFakeMysql } from "./fake-mysql.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A length before a text, as in the protocol. */
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const column = (name: string) =>
  Buffer.concat([
    ...["def", "", "", "", name, name].map(text),
    Buffer.from([12, 45, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0]),
  ]);

/** Messages with the numbers that follow one another. */
const numbered = (bodies: readonly Buffer[]) => Buffer.concat(bodies.map((body, index) => message(1 + index, body)));
const eof = Buffer.from([0xfe, 0, 0, 2, 0]);

/** Rows of texts under the same names, as a query gets them, or a prepared statement (`binary`). */
function rowsOf(rows: readonly Readonly<Record<string, string>>[], { binary = false } = {}): Buffer {
  const names = Object.keys(rows[0] ?? {});
  // No value is null.
  const head = binary ? [Buffer.alloc(1 + Math.ceil((names.length + 2) / 8))] : [];
  const values = rows.map((row) => Buffer.concat([...head, ...names.map((name) => text(row[name] ?? ""))]));
  return numbered([Buffer.from([names.length]), ...names.map(column), eof, ...values, eof]);
}

/** The answer to a statement that is prepared: its parameters; its columns come with the rows. */
function prepared(sql: string): Buffer {
  const parameters = sql.split("?").length - 1;
  const head = Buffer.from([0, 1, 0, 0, 0, 0, 0, parameters, 0, 0, 0, 0]);
  return numbered([head, ...Array.from({ length: parameters }, () => column("?")), eof]);
}

/** A server that lets everybody in, and answers a query with the number of an error or a value. */
async function serve(answer: (sql: string) => number | string) {
  const reply: Answer = (received, number) => {
    if (number !== 0) return ok(number + 1);
    const answered = answer(received.subarray(5).toString());
    return typeof answered === "number" ? refusal(1, answered) : rowsOf([{ Value: answered }]);
  };
  const server = await startFakeMysql(greeting(), reply);
  servers.push(server);
  return { host: "localhost", port: server.port, username: "ann", password: canary("mysql-similar") };
}

const factsOf = ({ report }: Awaited<ReturnType<typeof tryConnector>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));
/** Unknown error, variable and statement, a syntax error, a function and a table that are missing. */
const unknown = [1105, 1193, 1235, 1064, 1305, 1109];

describe("a system with MySQL's protocol", () => {
  test.each(unknown)("that answers a query about itself with %i passes without that fact", async (number) => {
    const config = await serve((sql) => (sql.includes("read_only") ? number : "yes"));
    const outcome = await tryConnector("mysql", config);
    expect(outcome.error).toBe(false);
    expect(steps(outcome).slice(-2)).toEqual(["AUTHORIZE PASSED OK", "CAPABILITY PASSED OK"]);
    expect(factsOf(outcome)).toEqual({ current_user: "yes", database: "yes", server_version: "yes" });
  });

  test.each(unknown)("that knows none of the queries and answers %i is a warning", async (number) => {
    const outcome = await tryConnector("mysql", await serve(() => number));
    expect(outcome.error).toBe(false);
    expect(steps(outcome).slice(-2)).toEqual([
      "AUTHORIZE WARNING COMMAND_REFUSED",
      "CAPABILITY WARNING COMMAND_REFUSED",
    ]);
    expect(JSON.stringify(outcome.report.steps.map(({ hint }) => hint))).not.toContain("words of the server");
  });

  test.each([
    [1142, "AUTHORIZE FAILED PERMISSION_DENIED"],
    [1053, "AUTHORIZE FAILED STARTING_UP"],
  ])("that answers with %i cannot be used", async (number, step) => {
    expect(steps(await tryConnector("mysql", await serve(() => number)))).toContain(step);
  });

  test("that does not know the casts of a listing is asked for names and types alone", async () => {
    const rows = { schemata: [{ name: "shop" }, { name: "zoo" }], tables: [{ name: "sums", type: "VIEW" }] };
    let sql = "";
    const reply: Answer = (received, number) => {
      if (number !== 0) return ok(number + 1);
      const [command, body] = [received[4], received.subarray(5).toString()];
      if (command === 0x16) sql = body;
      if (command === 0x16) return body.includes("cast(") ? refusal(1, 1235) : prepared(body);
      if (command === 0x17) return rowsOf(sql.includes("schemata") ? rows.schemata : rows.tables, { binary: true });
      return command === 3 ? rowsOf([{ Value: "yes" }]) : undefined;
    };
    const server = await startFakeMysql(greeting(), reply);
    servers.push(server);
    const config = { host: "localhost", port: server.port, username: "ann", password: canary("mysql-similar") };
    const databases = await discoverWith("mysql", config, { pageSize: 1 });
    expect(databases.page).toEqual({
      resources: [{ kind: "database", name: "shop", container: true }],
      nextCursor: "shop",
    });
    const tables = await discoverWith("mysql", config, { parent: "shop" });
    expect(tables.page.resources).toEqual([{ kind: "view", name: "shop.sums", container: false, facts: {} }]);
  });

  test("whose catalog cannot be asked cannot be listed", async () => {
    const config = await serve((sql) => (sql.includes("information_schema") ? 1105 : "yes"));
    expect(failure(await discoverWith("mysql", config))).toMatchObject({ code: "CATALOG_UNKNOWN", field: "host" });
  });
});
