import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DiscoveredResourceSchema } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { type Connector, ProbeError } from "../../connectors/sdk/connector.ts";
import { printable } from "./probe-recorder.ts";
import { type DiscoveryOutcome, emptyPage, failedOutcome } from "./run-probe.ts";
import { type SecretScrubber, scrubbed } from "./secret-scrubber.ts";

/** The longest name that `parent` takes; the longest of a system that can be listed are the keys of S3, as long. */
const maxNameLength = 1024;
const maxFacts = 32;
/** So that a page token, which holds the cursor as JSON, stays below its 4096 characters. */
const maxCursorBytes = 3000;

/** Bounds what a discovery found, and takes secrets out of it: all of it was chosen by the other side. */
export function sanitizeDiscovery(
  connector: Connector,
  pageSize: number,
  outcome: DiscoveryOutcome,
  { scrub, reveals }: SecretScrubber,
): DiscoveryOutcome {
  const { resources, nextCursor } = outcome.page;
  const refuse = (error: ProbeError) => ({ ...failedOutcome(connector, outcome.report, error), page: emptyPage });
  if (Buffer.byteLength(JSON.stringify(nextCursor)) > maxCursorBytes) return refuse(tooLong);
  // A page token is signed and can be read, and without it the pages after this one could not be had.
  if (reveals(nextCursor)) return refuse(secretEchoed);
  const tidied = resources.slice(0, pageSize).map((resource) => sanitizeResource(resource, scrub));
  return { ...outcome, page: { resources: tidied, nextCursor } };
}

const tooLong = new ProbeError("TOO_MUCH_DATA", "the system names the next page in a text that is too long to keep");
const secretEchoed = new ProbeError(
  "SECRET_ECHOED",
  "the system names the next page in a text that holds a secret of the configuration: try another page_size",
);

type Resource = MessageInitShape<typeof DiscoveredResourceSchema>;

function sanitizeResource(
  { kind = "", name = "", container = false, facts = {} }: Resource,
  scrub: SecretScrubber["scrub"],
): Resource {
  const tidied = Object.entries(facts)
    .slice(0, maxFacts)
    .map(([fact, value]) => [printable(fact), printable(scrub(value))]);
  const shown = printable(scrub(name), maxNameLength);
  // What has no name any more cannot be asked for.
  const isContainer = container && shown !== scrubbed;
  return { kind, name: shown, container: isContainer, facts: Object.fromEntries(tidied) };
}
