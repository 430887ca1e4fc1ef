import { buildClient } from "./build-client.ts";
import { findToolchain } from "./find-toolchain.ts";
import { languages } from "./languages.ts";

// Before a run of the tests, which would otherwise build them while two workers wait.
for (const language of languages) await buildClient(language, await findToolchain(language));
