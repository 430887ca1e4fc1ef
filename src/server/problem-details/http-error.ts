import { httpErrorCodes } from "../../proto-schema/http/problem-detail.ts";

/** A reason of httpErrorCodes. */
export type HttpErrorReason = keyof typeof httpErrorCodes;

/** What only HTTP has: thrown before a call begins, and answered as a problem detail. */
export class HttpError extends Error {
  readonly reason: HttpErrorReason;
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(reason: HttpErrorReason, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = "HttpRefusal";
    this.reason = reason;
    ({ status: this.status, code: this.code } = httpErrorCodes[reason]);
    this.headers = headers;
  }
}
