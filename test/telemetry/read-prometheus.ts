/** A series of a metric, as Prometheus would store it. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const nameOf = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const sampleLine = new RegExp(`^(${nameOf})(?:\\{(.*)\\})? (-?(?:[0-9.]+(?:e[+-]?[0-9]+)?|Inf)|\\+Inf|NaN)$`);
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/**
 * Reads the text format of Prometheus (0.0.4) and is as strict as it is: every sample belongs to a metric whose type came
 * before it and only once, no series comes twice, and a histogram's buckets never fall and end with its count.
 */
export function readPrometheus(text: string): Sample[] {
  const types = new Map<string, string>();
  const seen = new Set<string>();
  const samples: Sample[] = [];
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  for (const line of text.split("\n").slice(0, -1)) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE|UNIT) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind === "TYPE") {
      if (types.has(name)) throw new Error(`${name} has two types`);
      if (!/^(counter|gauge|histogram)$/.test(rest)) throw new Error(`${name} is a ${rest}`);
      types.set(name, rest);
    }
    if (line === "" || line.startsWith("#")) continue;
    const sample = readSample(line);
    if (typeOf(types, sample.name) === undefined) throw new Error(`${sample.name} has no type`);
    const series = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).toSorted())}`;
    if (seen.has(series)) throw new Error(`${series} comes twice`);
    seen.add(series);
    samples.push(sample);
  }
  for (const [name, type] of types) if (type === "histogram") checkHistogram(name, samples);
  return samples;
}

function readSample(line: string): Sample {
  const [, name = "", inside = "", value = ""] = sampleLine.exec(line) ?? [];
  if (name === "") throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  labelPair.lastIndex = 0;
  while (labelPair.lastIndex < inside.length) {
    const [, key = "", text = ""] = labelPair.exec(inside) ?? [];
    if (key === "" || key in labels) throw new Error(`not labels: ${inside}`);
    labels[key] = text.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

function typeOf(types: ReadonlyMap<string, string>, name: string): string | undefined {
  const own = types.get(name);
  if (own !== undefined) return own === "histogram" ? undefined : own;
  const base = types.get(name.replace(/_(bucket|count|sum)$/, ""));
  return base === "histogram" ? base : undefined;
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const counts = samples.filter((sample) => sample.name === `${name}_count`);
  for (const { labels, value } of counts) {
    const key = JSON.stringify(Object.entries(labels).toSorted());
    const buckets = samples.filter(({ name: of, labels: { le: _, ...rest } }) => {
      return of === `${name}_bucket` && JSON.stringify(Object.entries(rest).toSorted()) === key;
    });
    const falls = buckets.some((bucket, index) => bucket.value < (buckets[index - 1]?.value ?? 0));
    if (falls || buckets.at(-1)?.labels.le !== "+Inf" || buckets.at(-1)?.value !== value)
      throw new Error(`the buckets of ${name}${key} are wrong`);
  }
}
