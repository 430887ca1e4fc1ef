import type { DescMessage } from "@bufbuild/protobuf";
import { type ConnectError, type ContextKey, createContextKey } from "@connectrpc/connect";

/** Changes the names of an error's fields from proto names to those of the caller's form of `input`, and returns the error. */
export type RenameError = (error: ConnectError, input: DescMessage) => ConnectError;

/** Renames the fields of errors that are part of a response. Default: proto names, which binary messages have. */
export const renameErrorKey: ContextKey<RenameError> = createContextKey<RenameError>((error) => error, {
  description: "names of fields in errors",
});
