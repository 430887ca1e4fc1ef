// A process of its own for the tests beside it: rotates until it is done or killed.
import { openKnex } from "../../../src/database/open-knex.ts";
import { rotateSecrets } from "../../../src/secrets/rotation/rotate-secrets.ts";
import { ring } from "../open-secret-store.ts";

const knex = openKnex(JSON.parse(process.argv[2] ?? ""), 2);
const print = (line: string) => void process.stdout.write(`${line}\n`);
print("begins");
const report = await rotateSecrets({ knex, keys: ring("k2", "k1"), dataKeys: true, batch: 5, print });
print(JSON.stringify(report));
await knex.destroy();
