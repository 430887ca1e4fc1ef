import { readFile } from "node:fs/promises";
import { exportJWK, generateKeyPair } from "jose";
import { createScratchDatabase } from "../create-scratch-database.ts";
import { type Database, toEnvironment } from "../database.ts";
import { findFreePort, type Running, startProcess } from "../start-process.ts";
import { issueToken } from "./authenticate.ts";

/** The textbook's server and its database. */
export interface Textbook extends Running {
  readonly port: number;
  readonly token: string;
  readonly database: Database;
}

/** Starts it on a database of its own, on the PostgreSQL server of the server under test. */
export async function startTextbook(server: Database): Promise<Textbook> {
  const tables = await readFile(new URL("tables.sql", import.meta.url), "utf8");
  const database = await createScratchDatabase(server, "bench_textbook", tables);
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const port = await findFreePort();
  const environment = { ...toEnvironment(database), PUBLIC_KEY: JSON.stringify(await exportJWK(publicKey)) };
  const { stop } = await startProcess(["bench/textbook/server.ts", `${port}`], environment, [port]);
  return { stop, port, token: await issueToken(privateKey, { id: "bench", organizationId: "bench" }), database };
}
