import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/errors/api-error.ts";
import { findJsonFault } from "../../../src/server/json/find-json-fault.ts";
import { parseJson } from "../../../src/server/json/parse-json.ts";
import { createRandom } from "../../support/random.ts";

function failure(text: string): string {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
  throw new Error("it was parsed");
}

describe("a text that is not JSON is refused with the place and what must stand there", () => {
  test.each([
    ["", "the body is empty: send a JSON object, {} when no field is set"],
    [" \n", "the body is empty: send a JSON object, {} when no field is set"],
    ['{"a":1,}', "line 1, column 7: no comma may follow the last element: remove it"],
    ['{"a":[1,2,]}', "line 1, column 10: no comma may follow the last element: remove it"],
    ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: a comma or } must stand here"],
    ["{'a':1}", "line 1, column 2: a name must be in double quotes"],
    ["{a:1}", "line 1, column 2: a name must be in double quotes"],
    ["{\"a\":'b'}", "line 1, column 6: a text must be in double quotes"],
    ['{"a":b}', "line 1, column 6: a text must be in double quotes"],
    ['{"a":True}', "line 1, column 6: true, false and null must be in lower case"],
    ['{"a":None}', "line 1, column 6: true, false and null must be in lower case"],
    ['{"a" 1}', "line 1, column 6: a colon and a value must follow the name"],
    ['{"a":01}', "line 1, column 6: a number must have the form of JSON"],
    ['{"a":+1}', "line 1, column 6: a number must have the form of JSON"],
    ['{"a":1', "line 1, column 7: it ends where a comma or } must follow"],
    ['{"a":', "line 1, column 6: it ends where a value must follow"],
    ['{"a":"b', "line 1, column 6: the text that begins here has no closing quote"],
    ['{"é💥":"a\\qb"}', "line 1, column 9: a backslash must be written as \\\\ inside a text"],
    ['{"a":"b\nc"}', "line 1, column 8: a line break, tab or control character inside a text must be escaped"],
    ['{"a":1} x', "line 1, column 9: nothing may follow the end of the JSON value"],
    ['{"a":1 // one\n}', "line 1, column 8: JSON has no comments"],
    ['# a\n{"a":1}', "line 1, column 1: JSON has no comments"],
    ['{,"a":1}', "line 1, column 2: there is a comma too many"],
    ['{"a":,}', "line 1, column 6: a value is missing before this place"],
    ["name: x\nconnector: kafka\n", "it looks like YAML, and must be JSON"],
    ["---\nname: x\n", "it looks like YAML, and must be JSON"],
    ["userId1=alice&userId2=bob", "it looks like the fields of a form, and must be JSON"],
    ["<a/>", "it looks like XML, and must be JSON"],
  ])("%j", (text, said) => {
    expect(failure(text)).toContain(said);
  });

  test("without a word of it", () => {
    for (const text of ['{"password":hunter2}', '{"password":"hunter2', "{\"password\":'hunter2'}", "hunter2: hunter2"])
      expect(failure(text)).not.toContain("hunter2");
  });
});

describe("a name that an object has twice is refused with its path", () => {
  test.each([
    ['{"userId1":"alice","userId1":"ann","userId2":"bob"}', "userId1"],
    ['{"config":{"sasl":{"username":"a","password":"b","username":"c"}}}', "config.sasl.username"],
    ['{"pairs":[{"userId1":"a"},{"userId1":"b","userId1":"c"}]}', "pairs[1].userId1"],
    ['{"labels":{"a":"1","\\u0061":"2"}}', "labels.a"],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ])("%s", (text, path) => {
    expect(failure(text)).toBe(`${path}: is given twice: give it once`);
  });

  test("and not where two objects have it once each", () => {
    expect(parseJson('[{"a":1},{"a":1,"b":{"a":1}}]')).toEqual([{ a: 1 }, { a: 1, b: { a: 1 } }]);
  });
});

test("of 20 000 broken and whole texts it accepts those that JSON.parse accepts", () => {
  const random = createRandom(7);
  const whole = '{"a":[1,-0.5e+3,true,null,"x\\n\\u00e9\\\\"],"b":{"c":"d"},"e":{}} ';
  const pieces = [..."{}[]\",:\\ntfu0123.-+eE \n\t'/#", "true", "null", "\\u12", "1e", "é"];
  for (let round = 0; round < 20_000; round += 1) {
    let text = whole;
    for (let times = random.below(3); times >= 0; times -= 1) {
      const at = random.below(text.length + 1);
      text = text.slice(0, at) + random.pick([...pieces, ""]) + text.slice(at + random.below(3));
    }
    let accepted = true;
    try {
      JSON.parse(text);
    } catch {
      accepted = false;
    }
    expect([text, findJsonFault(text)?.kind === "syntax"]).toEqual([text, !accepted]);
  }
});
