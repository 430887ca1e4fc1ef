import { fuzzMcp } from "./fuzz-mcp.ts";

// The long form is in fuzz.long.test.ts.
fuzzMcp(1000);
