import { type HttpServer, json, startHttpServer } from "../http-server.ts";

/** What a fake catalog is asked to be. */
export interface CatalogOptions {
  /** The bearer token that it takes; any when absent. */
  readonly token?: string;
  /** False answers everything at once, as catalogs did before the protocol had pages. */
  readonly pages?: boolean;
  readonly overrides?: Readonly<Record<string, string>>;
  readonly secured?: boolean;
}

/** Namespaces by their levels, each with its tables. */
const tables: readonly (readonly [levels: readonly string[], names: readonly string[]])[] = [
  [["sales"], ["orders", "customers"]],
  [["sales", "eu.west"], ["orders"]],
  [["logs"], []],
  [["archive"], ["old"]],
];

/** A catalog over Node's HTTP server: what the REST specification says of configuration, namespaces and tables. */
export function startCatalog({
  token,
  pages = true,
  overrides = {},
  secured = false,
}: CatalogOptions = {}): Promise<HttpServer> {
  const prefix = overrides.prefix === undefined ? "" : `/${overrides.prefix}`;
  return startHttpServer(
    (request, response) => {
      const url = new URL(request.url ?? "", "http://catalog");
      const refuse = (status: number, type: string) =>
        json(status, { error: { message: "hidden", type, code: status } })(request, response);
      if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
        return void refuse(401, "NotAuthorizedException");
      if (url.pathname === "/v1/config") {
        if (!["", "lake"].includes(url.searchParams.get("warehouse") ?? ""))
          return void refuse(404, "NotFoundException");
        return void json(200, { defaults: { "s3.secret-access-key": "hidden" }, overrides })(request, response);
      }
      const path = url.pathname.startsWith(`/v1${prefix}/`) ? url.pathname.slice(3 + prefix.length) : "";
      const page = <T>(all: readonly T[]) => {
        const size = Number(url.searchParams.get("pageSize") ?? all.length);
        const from = Number(url.searchParams.get("pageToken") ?? 0);
        if (!pages) return { items: all, next: undefined };
        return { items: all.slice(from, from + size), next: from + size < all.length ? `${from + size}` : undefined };
      };
      if (path === "/namespaces") {
        const parent = url.searchParams.get("parent")?.split("\u001f") ?? [];
        const below = tables
          .map(([levels]) => levels)
          .filter((levels) => levels.length === parent.length + 1 && parent.every((level, at) => levels[at] === level));
        const { items, next } = page(below);
        return void json(200, { namespaces: items, "next-page-token": next })(request, response);
      }
      const named = /^\/namespaces\/([^/]+)\/tables$/.exec(path)?.[1];
      if (named === undefined) return void refuse(404, "NotFoundException");
      const found = tables.find(([levels]) => levels.join("\u001f") === decodeURIComponent(named));
      if (found === undefined) return void refuse(404, "NoSuchNamespaceException");
      const { items, next } = page(found[1]);
      const identifiers = items.map((name) => ({ namespace: found[0], name }));
      return void json(200, { identifiers, "next-page-token": next })(request, response);
    },
    { secured },
  );
}
