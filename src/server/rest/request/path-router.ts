import type { HttpRule } from "../../../proto-schema/http/http-rule.ts";
import { describeUnknownPaths } from "../../http/describe-unknown-paths.ts";
import { HttpError } from "../../problem-details/http-error.ts";

/** The target of a path and an HTTP method. */
export interface PathMatch<Target> {
  readonly target: Target;
  /** The values of the template variables, percent-decoded, by field path. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Returns the target of a request. Throws HttpError PATH_UNKNOWN, PATH_MALFORMED or METHOD_NOT_ALLOWED. */
export type PathRouter<Target> = (verb: string, path: string) => PathMatch<Target>;

/** A path template and its HTTP methods. */
interface Place<Target> {
  readonly pattern: RegExp;
  readonly verbs: Map<string, { target: Target; variables: readonly string[] }>;
}

/**
 * Creates a router for templates of `google.api.http`. Fastify's own router does not list the methods of a path, which a 405
 * response needs. `describeUnknownPath` makes the sentence for a path that does not exist. Default: from the entries. Of two matching templates, a literal takes precedence over a variable.
 */
export function createPathRouter<Target>(
  entries: readonly { rule: HttpRule; target: Target }[],
  describeUnknownPath = describeUnknownPaths(entries.map(({ rule }) => rule.path)),
): PathRouter<Target> {
  const byShape = new Map<string, Place<Target>>();
  for (const { rule, target } of entries) {
    const shape = rule.path.replace(/\{[^}]+\}/g, "{}");
    const place = byShape.get(shape) ?? { pattern: patternOf(shape), verbs: new Map() };
    if (place.verbs.has(rule.verb)) throw new Error(`${rule.verb} ${rule.path} stands in the contract twice`);
    place.verbs.set(rule.verb, { target, variables: rule.variables });
    byShape.set(shape, place);
  }
  // "{" sorts after every letter, so a literal comes before a variable.
  const ordered = [...byShape].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place);

  return (verb, path) => {
    for (const { pattern, verbs } of ordered) {
      const found = pattern.exec(path);
      if (found === null) continue;
      const entry = verbs.get(verb) ?? (verb === "HEAD" ? verbs.get("GET") : undefined);
      if (entry === undefined) throw notAllowed([...verbs.keys()]);
      const values = found.slice(1).map(decode);
      return { target: entry.target, variables: new Map(entry.variables.map((name, i) => [name, values[i] ?? ""])) };
    }
    throw new HttpError("PATH_UNKNOWN", describeUnknownPath(path));
  };
}

/** Makes the pattern of a template. A variable is one segment; in the last segment an unencoded colon starts a custom verb. */
function patternOf(shape: string): RegExp {
  const escaped = shape.replaceAll(".", "\\.");
  return new RegExp(`^${escaped.replace(/\{\}(?=$|:)/, "([^/:]+)").replaceAll("{}", "([^/]+)")}$`);
}

/** Returns the error METHOD_NOT_ALLOWED with the allowed methods. */
export function notAllowed(verbs: readonly string[]): HttpError {
  const allow = [...verbs, ...(verbs.includes("GET") ? ["HEAD"] : [])].sort().join(", ");
  return new HttpError("METHOD_NOT_ALLOWED", `this path knows ${allow}`, { allow });
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError("PATH_MALFORMED", "the path is not percent-encoded UTF-8");
  }
}
