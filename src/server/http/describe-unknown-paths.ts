import { mostSimilar } from "../../errors/did-you-mean.ts";
import { httpRulesOf } from "../../proto-schema/http/http-rule.ts";
import type { Route } from "../dispatch/route.ts";

/** Returns the sentence for a path that does not exist, with the one that was probably meant. It never repeats the path itself. */
export type DescribeUnknownPath = (path: string) => string;

/** The maximum length of a path, in characters, and number of its segments for which similar ones are searched. */
const maxLength = 300;
const maxSegments = 8;

/** The paths that serve no RPC. */
const otherPaths = ["/docs", "/openapi.json", "/mcp", "/healthz", "/readyz", "/metrics"];

/** Returns the paths of the HTTP port: those of RPCs over REST and over Connect, and the others. */
export function servedPaths(routes: readonly Route[]): string[] {
  const rpcs = routes.flatMap(({ method }) => [
    ...httpRulesOf(method).map(({ path }) => path),
    `/${method.parent.typeName}/${method.name}`,
  ]);
  return [...rpcs, ...otherPaths];
}

/** Creates the sentences from the paths that exist: literal ones, and templates such as `/v1/connections/{id}`. */
export function describeUnknownPaths(paths: readonly string[]): DescribeUnknownPath {
  const known = [...new Set(paths)].map((path) => ({ path, segments: path.split("/").slice(1) }));
  const nearest = (path: string): string | undefined => {
    const [plain = ""] = path.split("?", 1);
    const segments = plain.split("/").filter((segment) => segment !== "");
    if (plain.length > maxLength || segments.length > maxSegments || segments.length === 0) return undefined;
    const tries = [segments, ["v1", ...segments], ["v1", ...segments.slice(1)]];
    for (const wanted of tries) {
      const found = known.filter(({ segments: template }) => isSimilar(template, wanted)).map(({ path: one }) => one);
      // A literal path is nearer than a template.
      const [best] = found.sort((a, b) => variables(a) - variables(b));
      if (best !== undefined) return best;
    }
    return undefined;
  };
  return (path) => {
    const meant = nearest(path);
    return meant === undefined
      ? "there is nothing at this path: /docs lists those that exist"
      : `there is nothing at this path: did you mean ${meant}?`;
  };
}

function variables(path: string): number {
  return path.split("{").length;
}

function isSimilar(template: readonly string[], wanted: readonly string[]): boolean {
  if (template.length !== wanted.length) return false;
  return template.every((segment, index) => {
    const given = wanted[index] ?? "";
    if (!segment.startsWith("{")) return segment === given || mostSimilar(given, [segment]) !== undefined;
    const [, verb = ""] = segment.split("}");
    return verb === "" ? !given.includes(":") : mostSimilar(given.slice(given.lastIndexOf(":")), [verb]) !== undefined;
  });
}
