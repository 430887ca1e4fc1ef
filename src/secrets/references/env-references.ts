import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";

/**
 * Matches `{{ NAME }}`, and the escape `{{ "{{" }}` for two braces that begin no reference; blanks inside are optional. Linear in
 * the length of the text.
 */
const referencePattern = /\{\{(?: *"\{\{" *|([^{}]*))\}\}/g;

/** Returns the names between double braces, in order; invalid names too, so that they are rejected. Escapes are left out. */
export function findReferences(text: string): readonly string[] {
  return [...text.matchAll(referencePattern)].flatMap(([, name]) => (name === undefined ? [] : [name.trim()]));
}

/** Returns true when a text holds a reference or the escape of one. */
export function holdsReference(text: string): boolean {
  return text.search(referencePattern) >= 0;
}

/** Replaces `{{ NAME }}` in secrets by values of the server's environment. */
export interface EnvReferenceResolver {
  /**
   * Returns a description of the first unusable reference in a text; undefined when there is none. It is the same for a
   * variable that does not exist and for one that the operator has not listed.
   */
  check(organizationId: string, text: string): string | undefined;
  /**
   * Returns the bytes with references and escapes replaced, in one pass: references inside of values, and braces that an escape
   * became, are not replaced. Bytes that are not UTF-8 have no references. Throws ApiError SECRET_UNREADABLE when the operator has removed a name from the list since.
   */
  apply(organizationId: string, bytes: Uint8Array): Uint8Array;
}

/**
 * Returns the resolver. `allowed` has the operator's list (SECRET_ENV_ALLOW) with the values: under `NAME` for every
 * organization, under `ORGANIZATION/NAME` for that one alone.
 */
export function createEnvReferenceResolver(allowed: ReadonlyMap<string, string>): EnvReferenceResolver {
  const find = (organizationId: string, name: string) =>
    name.includes("/") ? undefined : (allowed.get(`${organizationId}/${name}`) ?? allowed.get(name));
  const unknownNames = (organizationId: string, text: string) =>
    findReferences(text).filter((name) => find(organizationId, name) === undefined);

  return {
    check: (organizationId, text) => {
      const [name] = unknownNames(organizationId, text);
      return name === undefined ? undefined : describe(name);
    },
    apply: (organizationId, bytes) => {
      const text = toText(bytes);
      if (text === undefined || !holdsReference(text)) return bytes;
      const [unknown] = unknownNames(organizationId, text);
      if (unknown !== undefined)
        throw new ApiError(ErrorReason.SECRET_UNREADABLE, `a stored secret cannot be used: it ${describe(unknown)}`);
      const value = (name: string | undefined) => (name === undefined ? "{{" : find(organizationId, name.trim()));
      return Buffer.from(text.replace(referencePattern, (_, name?: string) => value(name) ?? ""));
    },
  };
}

/** Returns the text after the field's path. An invalid name is not repeated: it may be a part of a secret. */
function describe(name: string): string {
  if (!/^[A-Z][A-Z0-9_]{0,127}$/.test(name))
    return 'holds {{ … }} with something that is not a name such as DB_PASSWORD; two braces that mean themselves are written {{ "{{" }}';
  return `refers to {{ ${name} }}, which is not among the names that the operator has listed in SECRET_ENV_ALLOW for this organization`;
}

function toText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // a keystore, not a text
  }
}
