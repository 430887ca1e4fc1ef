import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DiscoveredResourceSchema } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { type Connector, ProbeError } from "../../connectors/sdk/connector.ts";
import { printable } from "./probe-recorder.ts";
import { type DiscoveryOutcome, emptyPage, failedOutcome } from "./run-probe.ts";
import { type SecretScrubber, scrubbed } from "./secret-scrubber.ts";

/**
 * The maximum length of a name, in characters: the limit of `parent`. The longest names of the supported systems, S3 keys, have
 * the same limit.
 */
const maxNameLength = 1024;
const maxFacts = 32;
/** The maximum size of a cursor, in bytes of JSON: a page token holds the cursor and is limited to 4096 characters. */
const maxCursorBytes = 3000;

/**
 * Returns the outcome of a discovery with bounded sizes and without secrets, because the remote system chose its content. A
 * cursor that is too long or holds a secret turns it into a failure (TOO_MUCH_DATA, SECRET_ECHOED).
 */
export function sanitizeDiscovery(
  connector: Connector,
  pageSize: number,
  outcome: DiscoveryOutcome,
  { scrub, reveals }: SecretScrubber,
): DiscoveryOutcome {
  const { resources, nextCursor } = outcome.page;
  const refuse = (error: ProbeError) => ({ ...failedOutcome(connector, outcome.report, error), page: emptyPage });
  if (Buffer.byteLength(JSON.stringify(nextCursor)) > maxCursorBytes) return refuse(tooLong);
  // A page token is signed but readable, and a scrubbed cursor could not continue the list.
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
  // A resource whose name is scrubbed cannot be requested as a container.
  const isContainer = container && shown !== scrubbed;
  return { kind, name: shown, container: isContainer, facts: Object.fromEntries(tidied) };
}
