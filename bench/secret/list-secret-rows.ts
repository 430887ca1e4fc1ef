import type { Caller } from "../load/caller.ts";
import { drive } from "../load/drive.ts";
import type { Row } from "../row.ts";
import { product } from "../rows.ts";

/** Sealing and opening in this process, one after the other. */
export function listSecretRows(secretStore: Caller, bare: Caller): Row[] {
  const row = (by: string, caller: Caller): Row => ({
    group: "secret-seal",
    call: "seal and open a secret",
    by,
    callers: 1,
    slice: (window) => drive(caller, 1, window),
  });
  return [row(product, secretStore), { ...row("bare AES-256-GCM", bare), bar: 0.3 }];
}
