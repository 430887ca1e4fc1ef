import { expect, test } from "vitest";
import {
  createEnvReferenceResolver,
  findReferences,
  holdsReference,
} from "../../../src/secrets/references/env-references.ts";
import { canary } from "../../support/canary.ts";

const substitution = createEnvReferenceResolver(
  new Map([
    ["DB_PASSWORD", canary("db")],
    ["acme/OWN_TOKEN", canary("acme-token")],
    ["ODD", "$& {{ DB_PASSWORD }} $1"],
  ]),
);
const apply = (organization: string, text: string) => substitution.apply(organization, Buffer.from(text)).toString();

test("finds every name between double braces", () => {
  expect(findReferences("a {{ ONE }}{{TWO}} {{  THREE\t}} {{ONE}}")).toEqual(["ONE", "TWO", "THREE", "ONE"]);
  expect(findReferences("{ ONE } {{ONE} {{}} {{ a b }}")).toEqual(["", "a b"]);
  expect(findReferences("plain")).toEqual([]);
});

test("puts the value in, as often as it is named, within other text", () => {
  expect(apply("any", "{{ DB_PASSWORD }}")).toBe(canary("db"));
  expect(apply("any", "x{{DB_PASSWORD}}-{{ DB_PASSWORD }}y")).toBe(`x${canary("db")}-${canary("db")}y`);
});

test("what is listed for an organization is for that one alone", () => {
  expect(apply("acme", "{{ OWN_TOKEN }}")).toBe(canary("acme-token"));
  expect(substitution.check("acme", "{{ OWN_TOKEN }}")).toBeUndefined();
  expect(substitution.check("other", "{{ OWN_TOKEN }}")).toContain("SECRET_ENV_ALLOW");
  expect(substitution.check("other", "{{ acme/OWN_TOKEN }}")).toBeDefined();
  expect(() => apply("other", "{{ OWN_TOKEN }}")).toThrow("SECRET_ENV_ALLOW");
});

test("says the same of a variable that exists and of one that does not", () => {
  expect(substitution.check("any", "{{ PATH }}")?.replace("PATH", "NOT_THERE")).toBe(
    substitution.check("any", "{{ NOT_THERE }}"),
  );
});

test("repeats nothing that cannot be a name: it is a part of a secret", () => {
  const problem = substitution.check("any", `a{{${canary("inner")}}}b`);
  expect(problem).toBeDefined();
  expect(problem).not.toContain("canary");
});

test("a value is put in as it is, and not looked at again", () => {
  expect(apply("any", "{{ ODD }}")).toBe("$& {{ DB_PASSWORD }} $1");
});

test("leaves alone what has no reference: text, and bytes that are no text", () => {
  for (const bytes of [Buffer.from("a { b }} {{"), Buffer.from([0xff, 0x7b, 0x7b, 0x41, 0x7d, 0x7d]), Buffer.alloc(0)])
    expect(substitution.apply("any", bytes)).toBe(bytes);
});

test("keeps a byte order mark and letters beyond ASCII", () => {
  expect(apply("any", "\ufeffä{{DB_PASSWORD}}é")).toBe(`\ufeffä${canary("db")}é`);
});

test.each([
  ['{{ "{{" }}', "{{"],
  ['{{"{{"}}', "{{"],
  ['a{{ "{{" }} x }}b', "a{{ x }}b"],
  ['{{ "{{" }} DB_PASSWORD }}', "{{ DB_PASSWORD }}"],
  ['{{ "{{" }}{{ DB_PASSWORD }}}}', `{{${canary("db")}}}`],
  ['{{ "{{" }}{{ "{{" }}', "{{{{"],
])("braces that mean themselves are written %s", (written, meant) => {
  expect(substitution.check("any", written)).toBeUndefined();
  expect(holdsReference(written)).toBe(true);
  expect(apply("any", written)).toBe(meant);
});

test("a refusal says how braces that mean themselves are written", () => {
  expect(substitution.check("any", "a{{ x }}")).toContain('{{ "{{" }}');
  for (const text of ["{{ '{{' }}", '{{ "{{ }}'])
    expect([text, substitution.check("any", text)]).not.toEqual([text, undefined]);
});
