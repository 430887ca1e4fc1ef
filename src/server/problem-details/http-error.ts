import { httpErrorCodes } from "../../proto-schema/http/problem-detail.ts";

/** A key of httpErrorCodes. */
export type HttpErrorReason = keyof typeof httpErrorCodes;

/** An error that only HTTP has: thrown before a call starts and sent as a problem detail. */
export class HttpError extends Error {
  readonly reason: HttpErrorReason;
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(reason: HttpErrorReason, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = "HttpError";
    this.reason = reason;
    ({ status: this.status, code: this.code } = httpErrorCodes[reason]);
    this.headers = headers;
  }
}
