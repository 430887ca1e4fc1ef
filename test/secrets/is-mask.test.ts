import { expect, test } from "vitest";
import { isMask } from "../../src/secrets/is-mask.ts";

test.each([
  ...[
    "*",
    "***",
    "****",
    "********",
    "  ******** ",
    "••••••••",
    "●●●●",
    "∙∙∙",
    "•",
    "xxxxxxxx",
    "XXXX",
    "xxx",
    "########",
    "-----",
    "........",
  ],
  ...["• • • •", "••••4242", "sk_live_••••1234", "AKIA****************", "****************abcd", "********!"],
  ...[
    "<redacted>",
    "[REDACTED]",
    "(hidden)",
    "__redacted__",
    "{masked}",
    "**REDACTED**",
    "***redacted***",
    "--redacted--",
    "<<redacted>>",
  ],
  ...["redacted", "REDACTED", "Masked", "null", "undefined", "None", "nil", "NaN", "[object Object]", '"null"', "N/A"],
  ...[
    "<secret>",
    "<password>",
    "[PASSWORD]",
    "<your password>",
    "<YOUR_API_KEY>",
    "[FILTERED]",
    "[Filtered]",
    "<hidden>",
    "[hidden]",
  ],
  ...[
    "(sensitive value)",
    "(sensitive)",
    "[MASKED]",
    "[protected]",
    "(not set)",
    "<set>",
    "DATA+OMITTED",
    "::es_redacted::",
  ],
  ...[
    "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
    "**MetabasePass**",
    "__n8n_BLANK_VALUE_e5362baf",
    "[REDACTED alloc::string::String]",
  ],
  ...[
    "postgres://ann:****@db:5432/x",
    "redis://:xxxxx@cache",
    "amqp://u:<redacted>@mq",
    "[secret]",
    "<db_password>",
    "$$redacted$$",
    "[****]",
  ],
])("%s is a mask", (value) => {
  expect(isMask(value)).toBe(true);
});

test.each([
  ...[
    "",
    " ",
    "a",
    "x",
    "xx",
    "hunter2",
    "password",
    "secret",
    "token",
    "P@ssw0rd",
    "P@ss****word1",
    "***a***b***c",
    "x-x-x",
    "nullable",
  ],
  ...[
    "hidden-valley-9",
    "correct horse battery staple",
    "redactedness",
    "[a-z]+",
    "<xml>value</xml>",
    '{"type":"service_account"}',
    "{{ DB_PASSWORD }}",
  ],
  ...[
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    "postgres://ann:real@db:5432/x",
    "0000",
    "1234",
    "**bold**",
  ],
  ...["aaaa", "$2b$12$abcdefghijklmnopqrstuv", "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.e30.abc", "ab••cd"],
])("%j is none", (value) => {
  expect(isMask(value)).toBe(false);
});

test("reads a hostile text once", () => {
  for (const text of [
    "*".repeat(50_000),
    `${"*a".repeat(25_000)}`,
    "<".repeat(50_000),
    `${"[".repeat(25_000)}${"]".repeat(25_000)}`,
    "a:".repeat(20_000),
    `x://${"a:".repeat(20_000)}`,
    `${"_".repeat(50_000)}a`,
    "-- ".repeat(20_000),
  ])
    isMask(text);
});
