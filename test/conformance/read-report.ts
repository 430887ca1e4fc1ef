/** The cases that failed, each with what the suite says of it, in which figures do not count. */
export type Failures = ReadonlyMap<string, readonly string[]>;

/** Reads what connectconformance prints. Throws when it did not come to its end. */
export function readReport(text: string): Failures {
  if (!/^Total cases: \d+$/m.test(text) || /could not be run/.test(text))
    throw new Error(`the suite did not end:\n${text}`);
  const failures = new Map<string, string[]>();
  let reasons: string[] | undefined;
  for (const line of text.split("\n")) {
    const name = /^FAILED: (.*?):?$/.exec(line)?.[1];
    if (name !== undefined) {
      reasons = [];
      failures.set(name, reasons);
    } else if (line.startsWith("\t")) {
      const reason = line.replace(/^[\s;]+/, "").replaceAll(/\d+/g, "N");
      if (reason !== "") reasons?.push(reason);
    } else reasons = undefined;
  }
  return failures;
}

/** What the first has and the second has not: each case with the reasons that are not given there too. */
export function failuresBeyond(failures: Failures, known: Failures, intended: readonly RegExp[]): Failures {
  const beyond = [...failures].map(([name, reasons]) => {
    const others = known.get(name) ?? [];
    const left = reasons.filter((reason) => !others.includes(reason) && !intended.some((one) => one.test(reason)));
    return [name, left] as const;
  });
  return new Map(beyond.filter(([, reasons]) => reasons.length > 0));
}
