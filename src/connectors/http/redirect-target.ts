import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { isHost } from "../../egress/is-host.ts";
import { ProbeError } from "../sdk/connector.ts";
import type { HttpResponse } from "../sdk/http/http-client.ts";
import { urlTarget } from "../sdk/url.ts";

const redirects = new Set([301, 302, 303, 307, 308]);

/** Returns the target of a redirect; undefined for other responses. */
export function redirectTarget({ status, headers }: HttpResponse, from: URL): URL | undefined {
  if (!redirects.has(status)) return undefined;
  const next = URL.parse(headers.location ?? "", from);
  const leads = headers.location !== undefined && next !== null && ["http:", "https:"].includes(next.protocol);
  if (!leads || !isHost(urlTarget(next).host))
    throw new ProbeError(
      "REDIRECT_BROKEN",
      "the server redirects to nowhere that HTTP leads to",
      "url",
      TestStage.CAPABILITY,
    );
  // Credentials in a server's redirect are not used.
  next.username = "";
  next.password = "";
  next.hash = "";
  return next;
}
