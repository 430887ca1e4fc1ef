import type { Registry } from "@bufbuild/protobuf";
import type { Route } from "../../src/server/dispatch/route.ts";
import type { TlsFiles } from "../../src/server/listener/tls-files.ts";

/** Starts a server on a port of 127.0.0.1 that the system chooses, and resolves with it. */
export type Serve = (options: {
  readonly routes: readonly Route[];
  /** Of the messages that an answer's `google.protobuf.Any` can hold. */
  readonly registry: Registry;
  readonly tls: TlsFiles | undefined;
  readonly maxMessageBytes: number;
  /** Whether a server that speaks one version of HTTP alone speaks HTTP/2. */
  readonly http2: boolean;
}) => Promise<number>;
