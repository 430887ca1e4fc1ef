import { describe } from "vitest";
import { createMemorySink } from "./memory-sink.ts";
import { testSinkContract } from "./sink-contract.ts";

// The relay's tests stand on this sink, so it has to keep the same contract as Kafka's.
describe("the sink of the tests", () => {
  testSinkContract(() => {
    const sink = createMemorySink();
    return {
      sink,
      loseNextAnswer: () => sink.fail(1, "all"),
      stored: async (topic) => sink.stored.filter((message) => message.topic === topic),
    };
  });
});
