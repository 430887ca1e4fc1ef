import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DiscoveredResourceSchema } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { type Connector, ProbeError } from "./connector.ts";
import { printable } from "./create-recorder.ts";
import { type DiscoveryOutcome, emptyPage, failedOutcome } from "./run-test.ts";

/** The longest name that `parent` takes; the longest of a system that can be listed are the keys of S3, as long. */
const maxNameLength = 1024;
const maxFacts = 32;
/** So that a page token, which holds the cursor as JSON, stays below its 4096 characters. */
const maxCursorBytes = 3000;

/** Bounds what a discovery found: all of it was chosen by the other side. */
export function tidyDiscovery(connector: Connector, pageSize: number, outcome: DiscoveryOutcome): DiscoveryOutcome {
  const { resources, nextCursor } = outcome.page;
  if (Buffer.byteLength(JSON.stringify(nextCursor)) > maxCursorBytes) {
    const tooLong = new ProbeError(
      "TOO_MUCH_DATA",
      "the system names the next page in a text that is too long to keep",
    );
    return { ...failedOutcome(connector, outcome.report, tooLong), page: emptyPage };
  }
  return { ...outcome, page: { resources: resources.slice(0, pageSize).map(tidyResource), nextCursor } };
}

type Resource = MessageInitShape<typeof DiscoveredResourceSchema>;

function tidyResource({ kind = "", name = "", container = false, facts = {} }: Resource): Resource {
  const tidied = Object.entries(facts)
    .slice(0, maxFacts)
    .map(([fact, value]) => [printable(fact), printable(value)]);
  return { kind, name: printable(name, maxNameLength), container, facts: Object.fromEntries(tidied) };
}
