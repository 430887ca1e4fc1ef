import type { CallOptions } from "@connectrpc/connect";

/** A list RPC of a client: any that takes `pageToken` and answers with `nextPageToken`. */
export type ListCall<Request extends { pageToken?: string | undefined }, Response extends { nextPageToken: string }> = (
  request: Request,
  options?: CallOptions,
) => Promise<Response>;

/** Reads a list page by page. Each page is a call of its own with its own deadline; it begins when it is asked for. */
export async function* pages<
  Request extends { pageToken?: string | undefined },
  Response extends { nextPageToken: string },
>(
  list: ListCall<Request, Response>,
  request: Request,
  options?: CallOptions,
): AsyncGenerator<Response, void, undefined> {
  let pageToken = request.pageToken ?? "";
  for (;;) {
    const page = await list({ ...request, pageToken }, options);
    yield page;
    if (page.nextPageToken === "") return;
    if (page.nextPageToken === pageToken) throw new Error("the server answers with the same page for ever");
    pageToken = page.nextPageToken;
  }
}
