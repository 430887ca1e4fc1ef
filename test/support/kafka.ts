import { startKafka, type TestKafka } from "./kafka-broker.ts";
import { kafkaLibs } from "./kafka-libs.ts";

/** A running Kafka broker for a test file, which stops it in `afterAll`. Throws MissingProgram on a machine that cannot run one. */
export async function kafkaForTests(): Promise<TestKafka> {
  return startKafka(await kafkaLibs());
}
