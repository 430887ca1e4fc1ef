import { fuzzRest } from "./fuzz-rest.ts";

fuzzRest(20_000, [200, 201, 400, 401, 403, 404, 405, 409, 415]);
