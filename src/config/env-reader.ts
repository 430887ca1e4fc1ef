import { nearestSetting } from "./nearest-setting.ts";
import { type SettingName, secretSettings } from "./settings.ts";
import { readSmallFile } from "./small-file.ts";

/** The variables that may be read: the settings, OpenTelemetry's, and the one that a setting has replaced. */
export type VariableName = SettingName | `OTEL_${string}` | "CONNECTION_CREATE_POLICY";

/** A host and a port to listen on. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads typed values from an environment and collects their problems, so that all are reported at once. An empty value counts
 * as absent. A secret may come from the file that `NAME_FILE` names: it is read here, once.
 */
export class EnvReader {
  readonly problems: string[] = [];
  readonly #environment: Readonly<Record<string, string | undefined>>;
  /** The content of files, by the name of the setting; undefined for a file that cannot be used. */
  readonly #fromFiles = new Map<string, string | undefined>();

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#environment = environment;
    for (const name of secretSettings) this.#readFile(name);
  }

  /** Adds a problem of a setting, under the name of the variable that it was given by. */
  problem(name: string, what: string): void {
    this.problems.push(`${this.#fromFiles.has(name) ? `${name}_FILE` : name}: ${what}`);
  }

  /** Returns the trimmed value; undefined when it is absent. */
  text(name: VariableName): string | undefined {
    const value = this.variable(name).trim();
    return value === "" ? undefined : value;
  }

  /** Returns true for a setting that is given, by itself or by a file, also when it cannot be used. */
  isGiven(name: SettingName): boolean {
    return this.#fromFiles.has(name) || this.#isSet(name);
  }

  /** Returns whether any variable is given, by itself or by a file, which is read; a fault of the file is a problem. */
  isVariable(name: string): boolean {
    if (!this.#fromFiles.has(name) && !this.#isSet(name)) this.#readFile(name);
    return this.#fromFiles.has(name) || this.#isSet(name);
  }

  /** Returns the value of any variable as it is, or of its file without the line end after it; empty when it is absent. */
  variable(name: string): string {
    return this.#fromFiles.get(name) ?? this.#environment[name] ?? "";
  }

  /** Adds a problem for each variable that is no setting and resembles one that is not given. `others` belong to others. */
  rejectMisspelt(others: ReadonlySet<string>): void {
    for (const [name, value = ""] of Object.entries(this.#environment)) {
      const meant = others.has(name) ? undefined : nearestSetting(name, value);
      if (meant === undefined || this.isGiven(meant)) continue;
      this.problem(
        name,
        `is no setting of this service and has no effect: did you mean ${meant}? If it is for another program, leave it out of this one's environment`,
      );
    }
  }

  /** Returns the comma-separated items, trimmed, without empty ones. */
  list(name: VariableName): string[] {
    return (this.text(name) ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  }

  /**
   * Returns the value; undefined when it is absent. A value that does not match `pattern` is a problem; `wanted` describes a
   * valid one.
   */
  matching(name: VariableName, pattern: RegExp, wanted: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !pattern.test(value)) this.problem(name, `must be ${wanted}`);
    return value;
  }

  /** Returns the value if it is one of the choices, else the fallback. Any other present value is a problem. */
  oneOf<const T extends string>(name: VariableName, choices: readonly T[], fallback: NoInfer<T>): T {
    const value = this.text(name) ?? fallback;
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) this.problem(name, `must be one of ${choices.join(", ")}`);
    return choice ?? fallback;
  }

  /** Returns the integer from `min` to `max`, else the fallback. Any other present value is a problem. */
  integer(name: VariableName, fallback: number, min: number, max: number): number {
    const value = Number(this.text(name) ?? fallback);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    this.problem(name, `must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** Returns the URL; undefined when it is absent or a problem. `protocols` are such as `https:`. */
  url(name: VariableName, protocols: readonly string[]): URL | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url !== undefined && protocols.includes(url.protocol)) return url;
    // The value is not repeated: a database URL contains a password.
    this.problem(name, `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`);
    return undefined;
  }

  /** Returns the address of `host:port` or `[IPv6]:port`; an absent value is the fallback. */
  address(name: VariableName, fallback: string): Address {
    const value = this.text(name) ?? fallback;
    const [, bracketed, plain, port = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value) ?? [];
    const host = bracketed ?? plain;
    if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
    this.problem(name, "must be host:port, such as 127.0.0.1:50051 or [::1]:50051");
    return { host: "127.0.0.1", port: 0 };
  }

  #isSet(name: string): boolean {
    return (this.#environment[name] ?? "").trim() !== "";
  }

  /** Reads the file of a secret, if one is named. */
  #readFile(name: string): void {
    if (!this.#isSet(`${name}_FILE`)) return;
    const read = this.#isSet(name)
      ? { fault: `is set beside ${name}: leave one of them out` }
      : readSmallFile((this.#environment[`${name}_FILE`] ?? "").trim());
    this.#fromFiles.set(name, "text" in read ? read.text.replace(/\r?\n$/, "") : undefined);
    if ("fault" in read) this.problem(name, read.fault);
  }
}

/** Returns true for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
