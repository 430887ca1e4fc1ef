import type { ConnectorConfig } from "../../gen/connectory/v1/connector_pb.js";
import { fieldsInvalid } from "../failure.ts";
import { toStoredConfig } from "./profile-row.ts";

/**
 * The most bytes of a configuration as JSON, its secrets not counted. An event holds it up to four times (the profile
 * before and after, and what changed of both), beside labels of 20 kB and states of secrets of 15 kB as often, and has to stay
 * below the 1 048 588 bytes that Kafka takes by default. The authorities that Debian brings along are 223 kB.
 */
export const maxConfigBytes = 225_000;

/** Throws Failure FIELD_INVALID for a configuration that is too large to be kept. */
export function checkSize(config: ConnectorConfig): void {
  const bytes = Buffer.byteLength(JSON.stringify(toStoredConfig(config)));
  if (bytes > maxConfigBytes)
    throw fieldsInvalid({
      field: "config",
      description: `is ${bytes} bytes as JSON without its secrets: at most ${maxConfigBytes} can be kept`,
    });
}
