import { httpRefusals } from "../../contract/problem-detail.ts";

/** A reason of httpRefusals. */
export type RefusalReason = keyof typeof httpRefusals;

/** What only HTTP has: thrown before a call begins, and answered as a problem detail. */
export class HttpRefusal extends Error {
  readonly reason: RefusalReason;
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(reason: RefusalReason, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = "HttpRefusal";
    this.reason = reason;
    ({ status: this.status, code: this.code } = httpRefusals[reason]);
    this.headers = headers;
  }
}
