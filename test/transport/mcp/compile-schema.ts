import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

/** A schema as a check that throws with what is wrong; throws itself for a schema that is none. */
export function compileSchema(schema: object): (value: unknown) => void {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
  formats.default(ajv);
  const validate = ajv.compile(schema);
  return (value) => {
    if (!validate(value)) throw new Error(ajv.errorsText(validate.errors));
  };
}
