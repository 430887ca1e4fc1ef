import { checkDataDir } from "../startup-checks/check-data-dir.ts";
import { checkDatabase } from "../startup-checks/check-database.ts";
import { checkListenAddresses } from "../startup-checks/check-listen-addresses.ts";
import { checkTlsFiles } from "../startup-checks/check-tls-files.ts";
import { expiredCertificate } from "../startup-checks/expired-certificate.ts";
import { unreachableBrokers } from "../startup-checks/unreachable-brokers.ts";
import { unreadableIssuerKeys } from "../startup-checks/unreadable-issuer-keys.ts";
import type { Config } from "./config.ts";
import { type Environment, readConfig, throwProblems } from "./parse-config.ts";

/**
 * Returns the configuration of a server that is to start. Throws ConfigError with all problems: those of the settings by
 * themselves, and those that show only on this machine (ports, files, folder, database), which are looked for before anything
 * is started.
 */
export async function loadConfig(environment: Environment): Promise<Config> {
  const { config, env } = readConfig(environment);
  const { dataDir, databaseUrl, grpcAddress, httpAddress, tls } = config;
  const isFolderNeeded = !env.isGiven("DATABASE_URL") || !env.isGiven("SECRET_KEYS") || !env.isGiven("AUTH_ISSUER");
  const [ports, folder, database] = await Promise.all([
    checkListenAddresses({ GRPC_ADDR: grpcAddress, HTTP_ADDR: httpAddress }),
    isFolderNeeded ? checkDataDir(dataDir) : undefined,
    databaseUrl === undefined ? undefined : checkDatabase(databaseUrl),
  ]);
  const files = tls === undefined ? [] : checkTlsFiles(tls);
  for (const [name, what] of [...ports, ...files]) env.problem(name, what);
  if (folder !== undefined) env.problem("DATA_DIR", folder);
  if (database !== undefined) env.problem("DATABASE_URL", database);
  throwProblems(env.problems);
  return config;
}

/**
 * Returns a line for each thing that callers will notice and that does not stop the start: a system that the service can start
 * without and that cannot be reached now, a certificate that has expired. Takes up to 3 s.
 */
export async function startupWarnings({ kafka, issuer, tls }: Config): Promise<string[]> {
  const found = await Promise.all([
    kafka === undefined ? undefined : unreachableBrokers(kafka.brokers),
    issuer === undefined ? undefined : unreadableIssuerKeys(issuer.jwksUrl),
    tls === undefined ? undefined : expiredCertificate(tls.certFile, Date.now()),
  ]);
  return found.filter((warning) => warning !== undefined);
}
