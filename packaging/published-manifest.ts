/** A package.json, as far as it matters here. */
export interface Manifest extends Record<string, unknown> {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** What the published client imports; test/client/pack.test.ts compares this with what it really imports. */
export const clientDependencies = [
  "@bufbuild/protobuf",
  "@connectrpc/connect",
  "@connectrpc/connect-node",
  "@connectrpc/connect-web",
] as const;

/**
 * The package.json of the published client, made from that of the checkout: the same, with the client's dependencies in
 * place of the server's, and open to newer ones that are compatible. The scripts stay, so that a checkout whose packing
 * was interrupted can still be used.
 */
export function publishedManifest(manifest: Manifest): Manifest {
  const { private: _, allowScripts, optionalDependencies, devDependencies, ...published } = manifest;
  const versions = { ...devDependencies, ...manifest.dependencies };
  const dependencies = Object.fromEntries(clientDependencies.map((name) => [name, compatible(name, versions[name])]));
  return { ...published, dependencies };
}

function compatible(name: string, version: string | undefined): string {
  if (version === undefined) throw new Error(`package.json has no version of ${name}, which the client needs`);
  return `^${version.replace(/^\^/, "")}`;
}
