import { startKafka, type TestKafka } from "./kafka-broker.ts";
import { kafkaLibs } from "./kafka-libs.ts";

/**
 * A running Kafka broker for a test file, or undefined on a machine that cannot run one: such a file says
 * `describe.skipIf(kafka === undefined)` and stops the broker in `afterAll`. With REQUIRE_KAFKA=1 what is missing is
 * a failure.
 */
export async function kafkaForTests(): Promise<TestKafka | undefined> {
  let libs: string;
  try {
    libs = await kafkaLibs();
  } catch (error) {
    if (process.env.REQUIRE_KAFKA === "1") throw error;
    process.stderr.write(
      `Kafka tests are skipped: ${(error as Error).message}. REQUIRE_KAFKA=1 makes this a failure.\n`,
    );
    return undefined;
  }
  return startKafka(libs);
}
