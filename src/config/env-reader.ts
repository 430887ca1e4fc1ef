/** A host and a port to listen on. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads typed values from an environment and collects their problems, so that all are reported at once. An empty value counts
 * as absent.
 */
export class EnvReader {
  readonly problems: string[] = [];
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#environment = environment;
  }

  /** Adds a problem of a variable. */
  problem(name: string, what: string): void {
    this.problems.push(`${name}: ${what}`);
  }

  /** Returns the trimmed value; undefined when it is absent. */
  text(name: string): string | undefined {
    const value = this.#environment[name]?.trim();
    return value === "" ? undefined : value;
  }

  /** Returns the comma-separated items, trimmed, without empty ones. */
  list(name: string): string[] {
    return (this.text(name) ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  }

  /**
   * Returns the value; undefined when it is absent. A value that does not match `pattern` is a problem; `wanted` describes a
   * valid one.
   */
  matching(name: string, pattern: RegExp, wanted: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !pattern.test(value)) this.problem(name, `must be ${wanted}`);
    return value;
  }

  /** Returns the value if it is one of the choices, else the fallback. Any other present value is a problem. */
  oneOf<const T extends string>(name: string, choices: readonly T[], fallback: NoInfer<T>): T {
    const value = this.text(name) ?? fallback;
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) this.problem(name, `must be one of ${choices.join(", ")}`);
    return choice ?? fallback;
  }

  /** Returns the integer from `min` to `max`, else the fallback. Any other present value is a problem. */
  integer(name: string, fallback: number, min: number, max: number): number {
    const value = Number(this.text(name) ?? fallback);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    this.problem(name, `must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** Returns the URL; undefined when it is absent or a problem. `protocols` are such as `https:`. */
  url(name: string, protocols: readonly string[]): URL | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url !== undefined && protocols.includes(url.protocol)) return url;
    // The value is not repeated: a database URL contains a password.
    this.problem(name, `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`);
    return undefined;
  }

  /** Returns the address of `host:port` or `[IPv6]:port`; an absent value is the fallback. */
  address(name: string, fallback: string): Address {
    const value = this.text(name) ?? fallback;
    const [, bracketed, plain, port = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value) ?? [];
    const host = bracketed ?? plain;
    if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
    this.problem(name, "must be host:port, such as 127.0.0.1:50051 or [::1]:50051");
    return { host: "127.0.0.1", port: 0 };
  }
}

/** Returns true for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
