import { expect, test } from "vitest";
import { serverNameOf } from "../../src/kafka/kafka-client.ts";

test("the client for events sends the name of a broker without its final dot, and no address", () => {
  expect(serverNameOf("broker.example.")).toEqual({ servername: "broker.example" });
  expect(serverNameOf("broker.example")).toEqual({ servername: "broker.example" });
  expect([serverNameOf("127.0.0.1"), serverNameOf("::1")]).toEqual([{}, {}]);
});
