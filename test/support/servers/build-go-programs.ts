import { goProgram, goPrograms } from "./go-program.ts";

// Before a run of the tests, which would otherwise build them while two workers wait.
for (const program of Object.values(goPrograms)) await goProgram(program);
