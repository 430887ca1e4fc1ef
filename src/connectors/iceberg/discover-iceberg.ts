import type { IcebergConfig } from "../../../gen/connectory/v1/iceberg_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { type DiscoveredPage, type DiscoveryRequest, type Probe, ProbeError } from "../sdk/connector.ts";
import { members, parseJson } from "../sdk/parse-json.ts";
import { namespaceParameter, namespacePath } from "./namespace-separator.ts";
import { type Catalog, openCatalog } from "./open-catalog.ts";
import { notCatalog } from "./translate-catalog-error.ts";

/** The start of a page: a page token of the catalog, and the number of its items that were returned already. */
interface Position {
  readonly kind: "namespaces" | "tables";
  readonly token: string;
  readonly skip: number;
}

interface Page {
  readonly resources: DiscoveredPage["resources"];
  readonly next: Position | undefined;
}

/** The maximum number of consecutive empty pages of a catalog. */
const maxEmptyPages = 16;

/** The longest cursor, in characters; a catalog chooses the length of its tokens. */
const maxCursor = 1000;

/** Returns the namespaces at the top level; below a namespace its namespaces, then its tables. Rejects with a ProbeError. */
export async function discoverIceberg(
  config: IcebergConfig,
  probe: Probe,
  { parent, pageSize, cursor }: DiscoveryRequest,
): Promise<DiscoveredPage> {
  const catalog = await openCatalog(config, probe);
  const levels = parent === "" ? [] : readLevels(parent);
  try {
    return await probe.step(catalog.step(TestStage.AUTHORIZE), async () => {
      let page = await readPage(catalog, levels, readPosition(cursor), pageSize);
      for (let empty = 0; page.resources.length === 0 && page.next !== undefined && empty < maxEmptyPages; empty += 1)
        page = await readPage(catalog, levels, page.next, pageSize);
      return { resources: page.resources, nextCursor: writePosition(page.next) };
    });
  } finally {
    await catalog.close();
  }
}

async function readPage(
  catalog: Catalog,
  levels: readonly string[],
  position: Position,
  pageSize: number,
): Promise<Page> {
  const { kind, token, skip } = position;
  const paging = { pageToken: token, pageSize: String(pageSize) };
  const answer =
    kind === "tables"
      ? await catalog.get(`/namespaces/${namespacePath(levels, catalog.separator)}/tables`, paging)
      : await catalog.get(
          "/namespaces",
          levels.length === 0 ? paging : { ...paging, parent: parentOf(catalog, levels) },
        );
  const names = (kind === "tables" ? readTables : readNamespaces)(answer);
  // A catalog without pagination returns all names at once.
  const here = names.slice(skip, skip + pageSize);
  const resource = kind === "tables" ? { kind: "table", container: false } : { kind: "namespace", container: true };
  return {
    resources: here.map((name) => ({ ...resource, name: nameOfLevels(name) })),
    next: nextPosition(position, skip + here.length < names.length ? skip + here.length : 0, answer, levels),
  };
}

function parentOf({ separator }: Catalog, levels: readonly string[]): string {
  return namespaceParameter(levels, separator);
}

function nextPosition(
  { kind, token }: Position,
  skip: number,
  answer: Readonly<Record<string, unknown>>,
  levels: readonly string[],
): Position | undefined {
  if (skip > 0) return { kind, token, skip };
  const next = answer["next-page-token"];
  if (typeof next === "string" && next !== "" && next !== token) return { kind, token: next, skip: 0 };
  return kind === "namespaces" && levels.length > 0 ? { kind: "tables", token: "", skip: 0 } : undefined;
}

function readNamespaces({ namespaces }: Readonly<Record<string, unknown>>): readonly (readonly string[])[] {
  if (!Array.isArray(namespaces) || !namespaces.every(isLevels)) throw notCatalog();
  return namespaces;
}

function readTables({ identifiers }: Readonly<Record<string, unknown>>): readonly (readonly string[])[] {
  if (!Array.isArray(identifiers)) throw notCatalog();
  return identifiers.map((identifier) => {
    const { namespace, name } = members(identifier);
    if (!isLevels(namespace) || typeof name !== "string") throw notCatalog();
    return [...namespace, name];
  });
}

function isLevels(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((level) => typeof level === "string");
}

function readPosition(cursor: string): Position {
  const { kind, token, skip } = members(parseJson(cursor));
  return {
    kind: kind === "tables" ? kind : "namespaces",
    token: typeof token === "string" ? token : "",
    skip: typeof skip === "number" ? skip : 0,
  };
}

function writePosition(position: Position | undefined): string {
  const cursor = position === undefined ? "" : JSON.stringify(position);
  if (cursor.length <= maxCursor) return cursor;
  throw new ProbeError("CURSOR_TOO_LONG", "the catalog's page tokens are too long to go on with", "url");
}

/** Returns the display name of a namespace or table: its levels, separated by dots; a dot inside a level is `%2E`. */
export function nameOfLevels(levels: readonly string[]): string {
  return levels.map((level) => level.replaceAll("%", "%25").replaceAll(".", "%2E")).join(".");
}

/** Returns the levels of a name from `nameOfLevels`. */
export function readLevels(name: string): readonly string[] {
  return name.split(".").map((level) => level.replaceAll("%2E", ".").replaceAll("%25", "%"));
}
