import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../errors/api-error.ts";

/** `{{ NAME }}`; what stands between the braces may have blanks around it. Linear in the length of the text. */
const referencePattern = /\{\{([^{}]*)\}\}/g;

/** The names between double braces, in their order; also those that cannot be names, which nobody may use then. */
export function findReferences(text: string): readonly string[] {
  return [...text.matchAll(referencePattern)].map(([, name = ""]) => name.trim());
}

/** Puts values of the server's environment in place of `{{ NAME }}` in secrets. */
export interface EnvReferenceResolver {
  /**
   * What is wrong with the references in a text, for people; undefined when all is well. It is the same for a variable
   * that does not exist and for one that the operator has not listed.
   */
  check(organizationId: string, text: string): string | undefined;
  /**
   * The same bytes with the values put in, once: a value that looks like a reference stays as it is. Bytes that are no
   * UTF-8 have no references. Throws ApiError SECRET_UNREADABLE when the operator has taken a name off the list since.
   */
  apply(organizationId: string, bytes: Uint8Array): Uint8Array;
}

/**
 * `allowed` has the operator's list (SECRET_ENV_ALLOW) with the values: under `NAME` for every organization, under
 * `ORGANIZATION/NAME` for that one alone.
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
      if (text === undefined || findReferences(text).length === 0) return bytes;
      const [unknown] = unknownNames(organizationId, text);
      if (unknown !== undefined)
        throw new ApiError(ErrorReason.SECRET_UNREADABLE, `a stored secret cannot be used: it ${describe(unknown)}`);
      return Buffer.from(text.replace(referencePattern, (_, name: string) => find(organizationId, name.trim()) ?? ""));
    },
  };
}

/** Goes on after the field's path. What cannot be a name is not repeated: it is a part of somebody's secret. */
function describe(name: string): string {
  if (!/^[A-Z][A-Z0-9_]{0,127}$/.test(name))
    return "holds {{ … }} with something that is not a name such as DB_PASSWORD";
  return `refers to {{ ${name} }}, which is not among the names that the operator has listed in SECRET_ENV_ALLOW for this organization`;
}

function toText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // a keystore, not a text
  }
}
