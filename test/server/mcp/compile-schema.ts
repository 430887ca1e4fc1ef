import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

type Check = (value: unknown) => void;
/** By their text: both eras have the same tools, and compiling is what these tests spend most of their time with. */
const compiled = new Map<string, Check>();

/** A schema as a check that throws with what is wrong; throws itself for a schema that is none. */
export function compileSchema(schema: object): Check {
  const text = JSON.stringify(schema);
  const check = compiled.get(text) ?? compile(schema);
  compiled.set(text, check);
  return check;
}

function compile(schema: object): Check {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
  formats.default(ajv);
  const validate = ajv.compile(schema);
  return (value) => {
    if (!validate(value)) throw new Error(ajv.errorsText(validate.errors));
  };
}
