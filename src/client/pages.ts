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

/** What the one repeated field of a list's answer holds. */
export type ItemOf<Response> = Held<Response>[keyof Held<Response>];

/** By field: what it holds when it is repeated. Names with a dollar are the library's own. */
type Held<Response> = {
  [Name in keyof Response as Name extends `$${string}` ? never : Name]-?: Response[Name] extends (infer Item)[]
    ? Item
    : never;
};

/** Reads a list one by one, over all of its pages. */
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
