/** Makes one scrape of those of several fronts, in Prometheus' text format. */

/** The lines of one metric. */
interface Family {
  /** `# HELP` and `# TYPE`, as the first front that has the metric prints them. */
  readonly head: string[];
  readonly samples: string[];
}

const METADATA = /^# (HELP|TYPE) (\S+)/;
/** The name of a sample, and its labels up to the first. A name has no brace, but a label's value may. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{?)/;

/**
 * The samples of all fronts with the label `front`, those of one metric together, as the format requires. A front
 * without a scrape (null) has only `sallyport_front_up`, with 0.
 */
export function mergeScrapes(scrapes: ReadonlyMap<number, string | null>): string {
  const families = new Map<string, Family>();
  for (const [front, text] of scrapes) if (text !== null) addScrape(families, front, text);
  families.set("sallyport_front_up", {
    head: ["# HELP sallyport_front_up 1 if the front has answered.", "# TYPE sallyport_front_up gauge"],
    samples: [...scrapes].map(([front, text]) => `sallyport_front_up{front="${front}"} ${text === null ? 0 : 1}`),
  });
  const lines = [...families.values()].flatMap(({ head, samples }) => [...head, ...samples]);
  return `${lines.join("\n")}\n`;
}

function addScrape(families: Map<string, Family>, front: number, text: string): void {
  let family: Family = { head: [], samples: [] };
  let isFirst = true;
  for (const line of text.split("\n")) {
    const [, kind, name] = METADATA.exec(line) ?? [];
    if (name === undefined) {
      if (line !== "") family.samples.push(labelled(line, front));
      continue;
    }
    if (kind === "HELP") {
      const known = families.get(name);
      isFirst = known === undefined;
      family = known ?? { head: [], samples: [] };
      families.set(name, family);
    }
    if (isFirst) family.head.push(line);
  }
}

function labelled(sample: string, front: number): string {
  return sample.replace(SAMPLE, (_, name, brace) => `${name}{front="${front}"${brace === "" ? "}" : ","}`);
}
