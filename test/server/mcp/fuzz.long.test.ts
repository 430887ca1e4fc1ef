import { fuzzMcp } from "./fuzz-mcp.ts";

fuzzMcp(20_000);
