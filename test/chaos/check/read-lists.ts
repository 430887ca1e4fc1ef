import type { ServerList } from "./evidence.ts";

/** What a server lists of an organization: the connections of these users, and all profiles. */
export async function readLists(options: {
  readonly server: string;
  readonly httpUrl: string;
  readonly organization: string;
  readonly token: string;
  readonly users: readonly string[];
}): Promise<ServerList> {
  const connections: string[] = [];
  for (const user of options.users)
    connections.push(...(await readPages(options, `/v1/connections?userId=${user}&pageRowCount=1000`)));
  const profiles = await readPages(options, "/v1/connection_profiles?page_size=1000");
  return { server: options.server, organization: options.organization, connections, profiles };
}

/** The answers of the two styles: an envelope for connections, `data` for profiles. */
interface Page {
  readonly connections?: readonly { readonly id: string }[];
  readonly data?: readonly { readonly id: string }[];
  readonly paging?: { readonly nextPageToken?: string };
  readonly next_page_token?: string;
}

async function readPages({ httpUrl, token }: { httpUrl: string; token: string }, path: string): Promise<string[]> {
  const ids: string[] = [];
  for (let next = ""; ; ) {
    const page = next === "" ? "" : `&${path.includes("pageRowCount") ? "pageToken" : "page_token"}=${next}`;
    const response = await fetch(`${httpUrl}${path}${page}`, { headers: { authorization: `Bearer ${token}` } });
    const body = (await response.json()) as Page;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
    ids.push(...(body.connections ?? body.data ?? []).map(({ id }) => id));
    next = encodeURIComponent(body.paging?.nextPageToken ?? body.next_page_token ?? "");
    if (next === "") return ids;
  }
}
