import type { CallOptions } from "@connectrpc/connect";

/** A list RPC of a client: its request has `pageToken`, its response `nextPageToken`. */
export type ListCall<Request extends { pageToken?: string | undefined }, Response extends { nextPageToken: string }> = (
  request: Request,
  options?: CallOptions,
) => Promise<Response>;

/**
 * Yields the pages of a list. Each page is a separate call with its own deadline, sent when the page is requested. Throws the
 * errors of the call, and Error when the server repeats a page token.
 */
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

/** The element type of the only repeated field of a list response. */
export type ItemOf<Response> = Held<Response>[keyof Held<Response>];

/** The element type of each repeated field. Names with a dollar belong to the library. */
type Held<Response> = {
  [Name in keyof Response as Name extends `$${string}` ? never : Name]-?: Response[Name] extends (infer Item)[]
    ? Item
    : never;
};

/**
 * Yields the items of a list, over all of its pages. Throws as `pages` does, and Error for a response without exactly one list.
 */
export async function* items<
  Request extends { pageToken?: string | undefined },
  Response extends { nextPageToken: string },
>(
  list: ListCall<Request, Response>,
  request: Request,
  options?: CallOptions,
): AsyncGenerator<ItemOf<Response>, void, undefined> {
  for await (const page of pages(list, request, options)) yield* itemsOf(page);
}

function itemsOf<Response extends object>(page: Response): ItemOf<Response>[] {
  const lists = Object.entries(page).filter(([name, value]) => !name.startsWith("$") && Array.isArray(value));
  if (lists.length !== 1) throw new Error(`an answer with ${lists.length} lists: use pages() and choose`);
  return lists[0]?.[1];
}
