import { expect, test } from "vitest";
import { limitTests } from "../../../src/connection-profiles/live-test/limit-tests.ts";

const broker = { host: "broker", port: 9092 };
const at = (host: string, port = 9092) => [{ host, port }];

test("one organization does not take the slots of another, and what is given back can be taken again", () => {
  const take = limitTests({ total: 3, perOrganization: 2, perTarget: 9 });
  const give = [take("a", []), take("a", [])];
  expect(() => take("a", [])).toThrow("your organization runs 2 tests");
  take("b", []);
  expect(() => take("b", [])).toThrow("this server runs as many tests as it can");
  give[0]?.();
  give[0]?.();
  take("b", []);
  expect(() => take("a", [])).toThrow("this server runs as many tests as it can");
});

test("a target has slots of its own in each organization, however its name is written", () => {
  const take = limitTests({ total: 9, perOrganization: 9, perTarget: 2 });
  const giveBack = take("a", at("broker"));
  take("a", at("Broker."));
  expect(() => take("a", at("BROKER"))).toThrow("for broker:9092 your organization runs 2 tests");
  take("a", at("broker", 9093));
  take("a", at("other"));
  giveBack();
  take("a", at("broker"));
});

test("tests of an organization that name the target of another neither keep it from testing nor show", () => {
  const take = limitTests({ total: 9, perOrganization: 5, perTarget: 2 });
  for (const _ of [1, 2]) take("a", [broker, { host: "second", port: 1 }]);
  expect(() => take("a", at("broker"))).toThrow("your organization");
  for (const _ of [1, 2]) take("b", at("broker"));
  expect(() => take("b", at("broker"))).toThrow("for broker:9092 your organization runs 2 tests");
});

test("a test takes a slot at each of its targets once, or none anywhere", () => {
  const take = limitTests({ total: 9, perOrganization: 9, perTarget: 1 });
  const giveBack = take("a", [broker, broker, { host: "second", port: 1 }]);
  expect(() => take("a", [{ host: "third", port: 1 }, broker])).toThrow("broker:9092");
  take("a", at("third", 1));
  giveBack();
  take("a", [broker, { host: "second", port: 1 }]);
});

test("a refusal says when to come back", () => {
  const take = limitTests({ total: 1, perOrganization: 1, perTarget: 1 });
  take("a", []);
  expect(() => take("a", [])).toThrow(expect.objectContaining({ detail: { retryAfterMs: 1000 } }));
});
