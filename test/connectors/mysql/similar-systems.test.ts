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
const eof = (number: number) => message(number, Buffer.from([0xfe, 0, 0, 2, 0]));

/** One row of texts. */
function row(values: Readonly<Record<string, string>>): Buffer {
  const names = Object.keys(values);
  const columns = names.map((name, index) => message(2 + index, column(name)));
  const next = 2 + names.length;
  return Buffer.concat([
    message(1, Buffer.from([names.length])),
    ...columns,
    eof(next),
    message(next + 1, Buffer.concat(Object.values(values).map(text))),
    eof(next + 2),
  ]);
}

/** A server that lets everybody in, and answers a query with the number of an error or a value. */
async function serve(answer: (sql: string) => number | string) {
  const reply: Answer = (received, number) => {
    if (number !== 0) return ok(number + 1);
    const answered = answer(received.subarray(5).toString());
    return typeof answered === "number" ? refusal(1, answered) : row({ Value: answered });
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

  test("whose catalog cannot be asked cannot be listed", async () => {
    const config = await serve((sql) => (sql.includes("information_schema") ? 1105 : "yes"));
    expect(failure(await discoverWith("mysql", config))).toMatchObject({ code: "CATALOG_UNKNOWN", field: "host" });
  });
});
