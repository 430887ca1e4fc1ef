/** The separator of the levels of a namespace in paths and parameters. */
export interface NamespaceSeparator {
  /** In paths: as the catalog announces it, percent-encoded. */
  readonly encoded: string;
  /** In the parameter `parent`, which is percent-encoded as a whole. */
  readonly decoded: string;
}

/** The separator of catalogs that name none: U+001F. */
const usual: NamespaceSeparator = { encoded: "%1F", decoded: "\u001f" };

/** What may stand in a part of a path (RFC 3986, 3.3). */
const encodedForm = /^(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}){1,32}$/;

/**
 * Returns the separator of a setting `namespace-separator`; undefined for one that cannot stand in a path. It is
 * percent-encoded, as `%2E`; a character that no path can hold is encoded here. `undefined` and an empty text mean the usual one.
 */
export function namespaceSeparator(setting: unknown): NamespaceSeparator | undefined {
  if (setting === undefined || setting === "") return usual;
  if (typeof setting !== "string") return undefined;
  const encoded = encodedForm.test(setting) ? setting : encodeText(setting);
  const decoded = decodeText(encoded);
  return encodedForm.test(encoded) && decoded !== undefined ? { encoded, decoded } : undefined;
}

/** Returns a namespace as a part of a path. */
export function namespacePath(levels: readonly string[], { encoded }: NamespaceSeparator): string {
  return levels.map(encodeText).join(encoded);
}

/** Returns a namespace as the value of the parameter `parent`, before it is percent-encoded. */
export function namespaceParameter(levels: readonly string[], { decoded }: NamespaceSeparator): string {
  return levels.join(decoded);
}

/** Returns a text percent-encoded (RFC 3986), with U+FFFD for half a surrogate pair. */
export function encodeText(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function decodeText(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
