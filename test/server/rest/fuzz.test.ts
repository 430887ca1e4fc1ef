import { fuzzRest } from "./fuzz-rest.ts";

// The long form is in fuzz.long.test.ts.
fuzzRest(1000, [200, 400, 401, 404]);
