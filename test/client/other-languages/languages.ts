/** A language that has a client of its own in test/client/<folder>, and a section in docs/clients-other-languages.md. */
export interface Language {
  /** The heading of its section. */
  readonly name: string;
  readonly folder: string;
  readonly needs: readonly Tool[];
  /** For builds and runs. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A program that a build needs. */
export interface Tool {
  /** Prints its version. */
  readonly command: readonly [program: string, ...flags: string[]];
  /** Finds in that the number that counts. */
  readonly version: RegExp;
  readonly atLeast: number;
  /** What to install, for people. */
  readonly install: string;
}

const go: Language = {
  name: "Go",
  folder: "go",
  needs: [{ command: ["go", "version"], version: /go1\.(\d+)/, atLeast: 26, install: "Go 1.26 or newer" }],
  environment: {},
};

const python: Language = {
  name: "Python",
  folder: "python",
  needs: [
    {
      command: ["python3", "--version"],
      version: /Python 3\.(\d+)/,
      atLeast: 11,
      install: "Python 3.11 or newer (Debian: apt-get install python3)",
    },
    {
      command: ["python3", "-c", "import ensurepip, venv; print(1)"],
      version: /(1)/,
      atLeast: 1,
      install: "Python's venv (Debian: apt-get install python3-venv)",
    },
  ],
  environment: {},
};

const java: Language = {
  name: "Java",
  folder: "java",
  needs: [
    {
      command: ["javac", "-version"],
      version: /javac (\d+)/,
      atLeast: 17,
      install: "a JDK, 17 or newer (Debian: apt-get install default-jdk-headless)",
    },
    {
      command: ["mvn", "--version"],
      version: /Maven 3\.(\d+)/,
      atLeast: 8,
      install: "Maven 3.8 or newer (Debian: apt-get install maven)",
    },
  ],
  // What runs for seconds is not worth optimizing: half the processor time of a build, 14 s for 27.
  environment: { JDK_JAVA_OPTIONS: "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" },
};

export const languages: readonly Language[] = [go, python, java];
