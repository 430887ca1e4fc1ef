import { describe, expect, test } from "vitest";
import { createPageTokens } from "../../src/auth/page-token.ts";
import { ApiError } from "../../src/errors/api-error.ts";

describe("page tokens", () => {
  const tokens = createPageTokens(Buffer.alloc(32, 1));

  test("come back as they were sealed", () => {
    expect(tokens.open("list", tokens.seal("list", { since: 5, id: "x" }))).toEqual({ since: 5, id: "x" });
  });

  test("are refused for another question, from another maker, and when any byte is changed", () => {
    const token = tokens.seal("list of acme", { id: "x" });
    expect(() => tokens.open("list of other", token)).toThrow(ApiError);
    expect(() => createPageTokens(Buffer.alloc(32, 2)).open("list of acme", token)).toThrow(ApiError);
    const bytes = Buffer.from(token, "base64url");
    for (const position of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed[position] = (changed[position] ?? 0) ^ 1;
      expect(() => tokens.open("list of acme", changed.toString("base64url"))).toThrow(ApiError);
    }
    for (const rubbish of ["", "a", "!!!!", "x".repeat(1024)])
      expect(() => tokens.open("list of acme", rubbish)).toThrow(ApiError);
  });
});
