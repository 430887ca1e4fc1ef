import { parseArgs } from "node:util";
import { type Logger, pino } from "pino";
import { startApp } from "./app/app.ts";
import type { Config } from "./app/config.ts";
import { loadConfig, startupWarnings } from "./app/load-config.ts";
import { ConfigError, parseConfig } from "./app/parse-config.ts";
import { rotateSecretsCommand } from "./app/rotate-secrets-command.ts";
import { startupBanner } from "./app/startup-banner.ts";
import { findLocalIssuer } from "./auth/local-issuer.ts";
import { knownRoles } from "./auth/permissions.ts";
import { openLogDestination } from "./telemetry/log-destination.ts";

/** How long a stop may take before the process ends all the same, in milliseconds. */
const stopTimeoutMs = 30_000;

// It may be a pipe that nobody reads: a plain write to it would hold the end of the process up for good.
const standardError = openLogDestination(2, (lines) => recovered(lines));
let recovered: (lines: number) => void = () => {};

function openLog(level: string): Logger {
  const log = pino({ level, base: null }, standardError);
  recovered = (lines) => log.warn({ lines }, "standard error can be written again: so many lines of the log were lost");
  return log;
}

/** Lets the process end, after a moment for what is still to be written to standard error. */
async function letEnd(code: number): Promise<void> {
  process.exitCode = code;
  // An end waits for every write that the system has not come back from. Everything else has ended in order by now.
  if ((await standardError.flush()) === "stuck") process.kill(process.pid, "SIGKILL");
}

async function end(code: number): Promise<void> {
  await letEnd(code);
  process.exit(code);
}

async function serve(config: Config): Promise<void> {
  const log = openLog(config.logLevel);
  let stopping: Promise<void> | undefined;
  const stop = (why: string, code: number) => {
    if (stopping !== undefined) return;
    log.info({ why }, "stopping");
    setTimeout(() => void end(1), stopTimeoutMs).unref();
    stopping = started
      .then((app) => app.stop())
      .then(
        () => end(code),
        () => end(1),
      );
  };
  // A signal during the start is obeyed as soon as there is something to stop.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop(signal, 0));
  process.on("uncaughtException", (err) => {
    log.fatal({ err }, "a defect: stopping");
    stop("uncaughtException", 1);
  });
  // Whoever read the welcome may have gone; that is no reason to stop.
  process.stdout.on("error", (err) => log.debug({ err }, "standard output is closed"));
  const started = startApp(config, log, (why) => stop(why, 1), standardError.lost);
  const unreachable = startupWarnings(config);
  const app = await started;
  const warnings = await unreachable;
  for (const warning of warnings) log.warn(warning);
  if (stopping === undefined) process.stdout.write(await startupBanner(config, app, warnings));
}

async function printToken(config: Config, args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      user: { type: "string" },
      org: { type: "string" },
      role: { type: "string", multiple: true, default: ["member"] },
      lifetime: { type: "string", default: "12h" },
    },
  });
  if (values.user === undefined || values.org === undefined)
    throw new ConfigError(
      "usage: npm run token -- --user USER --org ORGANIZATION [--role viewer|editor|member|admin] [--lifetime 12h]",
    );
  const unknown = values.role.filter((role) => !knownRoles.includes(role));
  if (unknown.length > 0) throw new ConfigError(`--role: ${unknown.join(", ")} is not one of ${knownRoles.join(", ")}`);
  if (config.issuer !== undefined)
    throw new ConfigError("AUTH_ISSUER is set: tokens come from that issuer, not from here");
  const issuer = await findLocalIssuer(config.dataDir);
  const { user: userId, org: organizationId, role: roles, lifetime } = values;
  process.stdout.write(`${await issuer.issue({ userId, organizationId, roles, lifetime })}\n`);
}

async function rotateSecrets(config: Config, args: string[]): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const log = openLog(config.logLevel);
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const done = await rotateSecretsCommand(config, log, { args, print, signal: stop.signal });
  await letEnd(done ? 0 : 1);
}

const [command, ...args] = process.argv.slice(2);
try {
  if (command === "token") await printToken(parseConfig(process.env), args);
  else if (command === "secrets:rotate") await rotateSecrets(parseConfig(process.env), args);
  else if (command === undefined) await serve(await loadConfig(process.env));
  else
    throw new ConfigError(
      `${command}: no such command; without one the service starts, \`token\` prints a token, \`secrets:rotate\` renews keys`,
    );
} catch (error) {
  standardError.write(`${error instanceof Error ? error.message : String(error)}\n`);
  await letEnd(1);
}
