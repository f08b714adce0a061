/** Reads what Prometheus scrapes. */

/** One sample of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A scrape read by the rules of the text format 0.0.4; throws on anything that is not in it. */
export function parseScrape(text: string): { types: Map<string, string>; samples: Sample[] } {
  if (!text.endsWith("\n")) throw new Error("The last line must end in a newline");
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const help = /^# HELP ([a-zA-Z_:][\w:]*) .+$/.exec(line);
    if (help) {
      helps.add(help[1]!);
      continue;
    }
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/.exec(line);
    if (type) {
      if (types.has(type[1]!)) throw new Error(`${type[1]} is declared twice`);
      types.set(type[1]!, type[2]!);
      continue;
    }
    const sample = parseSample(line);
    const id = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(id)) throw new Error(`Sample given twice: ${line}`);
    seen.add(id);
    const family = types.has(sample.name) ? sample.name : sample.name.replace(/_(bucket|sum|count)$/, "");
    if (!types.has(family) || !helps.has(family)) throw new Error(`Sample without HELP and TYPE: ${line}`);
    samples.push(sample);
  }
  return { types, samples };
}

/** The value of one sample, or undefined. */
export function value(
  samples: readonly Sample[],
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const wanted = JSON.stringify(Object.entries(labels).sort());
  return samples.find((s) => s.name === name && JSON.stringify(Object.entries(s.labels).sort()) === wanted)?.value;
}

function parseSample(line: string): Sample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]?Inf|[-+0-9.eE]+)$/.exec(line);
  if (!match) throw new Error(`Not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = match[2] ?? "";
  while (rest !== "") {
    const label = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)/.exec(rest);
    if (!label) throw new Error(`Not a label: ${line}`);
    labels[label[1]!] = label[2]!.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c);
    rest = rest.slice(label[0].length);
  }
  const number = match[3]!.replace("Inf", "Infinity");
  if (number !== "NaN" && Number.isNaN(Number(number))) throw new Error(`Not a number: ${line}`);
  return { name: match[1]!, labels, value: Number(number) };
}
