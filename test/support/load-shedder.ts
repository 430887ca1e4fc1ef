import { pino } from "pino";
import { createLoadShedder, type LoadShedder } from "../../src/interceptors/load-shedding/load-shedder.ts";
import { silent } from "../../src/telemetry/telemetry.ts";

/** For a server without the rest of the service. */
export function loadShedderForTests(): LoadShedder {
  return createLoadShedder({ log: pino({ level: "silent" }), meter: silent.meter });
}
