import { afterEach, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import type { LocalServer } from "../local-server.ts";
import { discoverWith, failure, runPostgresTest, steps } from "../run-probe.ts";
import { type Answer, startFakePostgres } from "./fake-postgres.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(answer: (sql: string) => Answer) {
  const server = await startFakePostgres(answer);
  servers.push(server);
  return { ...server, config: { host: "127.0.0.1", port: server.port, username: "ann", password: canary("similar") } };
}

const factsOf = ({ report }: Awaited<ReturnType<typeof runPostgresTest>>) =>
  Object.fromEntries(report.facts.map(({ name, value }) => [name, value]));
/** Undefined function, setting and column, a feature that is missing, a syntax error, an error of the system's own. */
const unknown = ["42883", "42704", "42703", "42P01", "0A000", "42601", "XX000"];

describe("a system with PostgreSQL's protocol", () => {
  test.each(unknown)("that answers a query about itself with %s passes without that fact", async (state) => {
    const { config } = await serve((sql) => (sql.includes("pg_is_in_recovery") ? state : [{ value: "yes" }]));
    const outcome = await runPostgresTest(config);
    expect(outcome.error).toBe(false);
    expect(steps(outcome).slice(-2)).toEqual(["AUTHORIZE PASSED OK", "CAPABILITY PASSED OK"]);
    const facts = { current_user: "yes", current_database: "yes", server_version: "yes", read_only: "yes" };
    expect(factsOf(outcome)).toEqual(facts);
  });

  test.each(unknown)("that knows none of the queries and answers %s is a warning", async (state) => {
    const { config } = await serve(() => state);
    const outcome = await runPostgresTest(config);
    expect(outcome.error).toBe(false);
    expect(steps(outcome).slice(-3)).toEqual([
      "AUTHENTICATE PASSED OK",
      "AUTHORIZE WARNING COMMAND_REFUSED",
      "CAPABILITY WARNING COMMAND_REFUSED",
    ]);
    expect(JSON.stringify(outcome.report.steps.map(({ hint }) => hint))).not.toContain("words of the server");
  });

  test.each([
    ["42501", "AUTHORIZE FAILED PERMISSION_DENIED"],
    ["57P03", "AUTHORIZE FAILED STARTING_UP"],
    ["57P01", "AUTHORIZE FAILED FAILED"],
    ["53200", "AUTHORIZE FAILED FAILED"],
  ])("that answers with %s cannot be used", async (state, step) => {
    const { config } = await serve(() => state);
    expect(steps(await runPostgresTest(config))).toContain(step);
  });
});

describe("a discovery in a system with PostgreSQL's protocol", () => {
  const rows: Readonly<Record<string, Answer>> = {
    "information_schema.schemata": [{ name: "public" }, { name: "shop" }],
    "information_schema.tables": [
      { name: "orders", kind: "BASE TABLE" },
      { name: "sums", kind: "VIEW" },
    ],
  };
  const standard = (sql: string) => Object.entries(rows).find(([table]) => sql.includes(table))?.[1];

  test.each(unknown)("that answers %s for PostgreSQL's catalog lists its information schema", async (state) => {
    const { config } = await serve((sql) => (sql.includes("pg_catalog.") ? state : (standard(sql) ?? [{ value: "" }])));
    const schemas = await discoverWith("postgres", config, { pageSize: 1 });
    expect(schemas.page).toEqual({
      resources: [{ kind: "schema", name: "public", container: true }],
      nextCursor: "public",
    });
    const tables = await discoverWith("postgres", config, { parent: "shop" });
    expect(tables.page.resources).toEqual([
      { kind: "table", name: "shop.orders", container: false, facts: {} },
      { kind: "view", name: "shop.sums", container: false, facts: {} },
    ]);
  });

  test("that has neither cannot be listed", async () => {
    const { config } = await serve((sql) => (/catalog|information/.test(sql) ? "42P01" : [{ value: "" }]));
    const outcome = await discoverWith("postgres", config);
    expect(failure(outcome)).toMatchObject({ code: "CATALOG_UNKNOWN", field: "host" });
  });
});
