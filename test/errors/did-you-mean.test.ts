import { expect, test } from "vitest";
import { didYouMean, mostSimilar } from "../../src/errors/did-you-mean.ts";

const known = ["bootstrap_servers", "sasl", "tls", "aws_msk_iam", "connection_properties", "schema_registry"];

test.each([
  ["bootstrap_server", "bootstrap_servers"],
  ["bootstrapServers", "bootstrap_servers"],
  ["bootstrap-servers", "bootstrap_servers"],
  ["Tls", "tls"],
  ["tsl", "tls"],
  ["ssl", "sasl"],
  ["awsMskIam", "aws_msk_iam"],
  ["conection_propertis", "connection_properties"],
  ["brokers", undefined],
  ["x".repeat(10_000), undefined],
  ["", undefined],
])("%.20s", (given, meant) => {
  expect(mostSimilar(given, known)).toBe(meant);
});

test("other names lead to a known one, and names of JavaScript to none", () => {
  const aliases = { postgresql: "postgres", x: "nothing" };
  expect(didYouMean("PostgreSQL", ["postgres", "mysql"], aliases)).toBe(": did you mean postgres?");
  expect(didYouMean("x", ["postgres"], aliases)).toBe("");
  expect(didYouMean("constructor", ["postgres"], aliases)).toBe("");
  expect(didYouMean("postgres", ["postgres"])).toBe("");
});
