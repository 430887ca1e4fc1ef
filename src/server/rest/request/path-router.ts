import type { HttpRule } from "../../../proto-schema/http/http-rule.ts";
import { HttpError } from "../../problem-details/http-error.ts";

/** What a path and a method lead to. */
export interface PathMatch<Target> {
  readonly target: Target;
  /** The values of the template's variables, percent-decoded, by the path of their field. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Finds the target of a request; throws HttpError: PATH_UNKNOWN, PATH_MALFORMED or METHOD_NOT_ALLOWED. */
export type PathRouter<Target> = (verb: string, path: string) => PathMatch<Target>;

/** A template with all that can be done at it. */
interface Place<Target> {
  readonly pattern: RegExp;
  readonly verbs: Map<string, { target: Target; variables: readonly string[] }>;
}

/**
 * A router for templates of `google.api.http`. Fastify's own cannot tell what else may be done at a path, which 405 has to
 * say. Of two templates that fit, the one with a literal where the other has a variable wins.
 */
export function createPathRouter<Target>(entries: readonly { rule: HttpRule; target: Target }[]): PathRouter<Target> {
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
    throw new HttpError("PATH_UNKNOWN", "there is nothing at this path");
  };
}

/** A variable is one segment. In the last one a bare colon begins a verb, so a value with one has it encoded. */
function patternOf(shape: string): RegExp {
  const escaped = shape.replaceAll(".", "\\.");
  return new RegExp(`^${escaped.replace(/\{\}(?=$|:)/, "([^/:]+)").replaceAll("{}", "([^/]+)")}$`);
}

/** Throws METHOD_NOT_ALLOWED with what is allowed. */
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
