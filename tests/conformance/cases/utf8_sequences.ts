/**
 * Octet sequences by subgroup 6.5 to 6.23, in hex. They are those of Markus Kuhn's "UTF-8 decoder capability and stress
 * test" (https://www.cl.cam.ac.uk/~mgk25/ucs/examples/UTF-8-test.txt) in the order of the Autobahn case numbers.
 */

export interface Utf8Sequences {
  readonly group: string;
  readonly title: string;
  readonly valid: boolean | ((index: number) => boolean);
  readonly octets: readonly string[];
}

/** "κόσμε": its characters end after 2, 5, 7, 9 and 11 octets. */
export const KOSME = "ce ba e1 bd b9 cf 83 ce bc ce b5";
const kosmeOctets = KOSME.split(" ");
const kosmeEnds = [2, 5, 7, 9, 11];

function range(from: number, to: number, separator = ""): string {
  const octets: string[] = [];
  for (let octet = from; octet <= to; octet++) octets.push(octet.toString(16).padStart(2, "0") + separator);
  return octets.join("");
}

const cutOff = ["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"];

/** U+nFFFE and U+nFFFF of every plane: valid UTF-8, RFC 3629. */
const nonCharacters = ["efbfbe", "efbfbf"];
for (const [lead, seconds] of [["f0", "9ab"], ["f1", "89ab"], ["f2", "89ab"], ["f3", "89ab"], ["f4", "8"]] as const) {
  for (const second of seconds) nonCharacters.push(`${lead}${second}fbfbe`, `${lead}${second}fbfbf`);
}

export const utf8Sequences: readonly Utf8Sequences[] = [
  {
    group: "6.5",
    title: "valid text",
    valid: true,
    octets: [
      "68656c6c6f 24 776f726c64",
      "68656c6c6f c2a2 776f726c64",
      "68656c6c6f e282ac 776f726c64",
      "68656c6c6f f0a4ada2 776f726c64",
      KOSME,
    ],
  },
  {
    group: "6.6",
    title: "a prefix of a valid text",
    valid: (index) => kosmeEnds.includes(index + 1),
    octets: kosmeOctets.map((_, index) => kosmeOctets.slice(0, index + 1).join("")),
  },
  { group: "6.7", title: "the first of a length", valid: true, octets: ["00", "c280", "e0a080", "f0908080"] },
  { group: "6.8", title: "the first of length 5 or 6", valid: false, octets: ["f888808080", "fc8480808080"] },
  { group: "6.9", title: "the last of a length", valid: true, octets: ["7f", "dfbf", "efbfbf", "f48fbfbf"] },
  {
    group: "6.10",
    title: "the last of length 4, 5 or 6",
    valid: false,
    octets: ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"],
  },
  {
    group: "6.11",
    title: "another boundary",
    valid: (index) => index < 4,
    octets: ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"],
  },
  {
    group: "6.12",
    title: "unexpected continuations",
    valid: false,
    octets: ["80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf", range(0x80, 0xbe)],
  },
  {
    group: "6.13",
    title: "lonely leads",
    valid: false,
    octets: [
      range(0xc0, 0xde, "20"),
      range(0xe0, 0xee, "20"),
      range(0xf0, 0xf6, "20"),
      range(0xf8, 0xfa, "20"),
      "fc20",
    ],
  },
  { group: "6.14", title: "the last continuation missing", valid: false, octets: cutOff },
  { group: "6.15", title: "incomplete sequences in a row", valid: false, octets: [cutOff.join("")] },
  { group: "6.16", title: "impossible octets", valid: false, octets: ["fe", "ff", "fefeffff"] },
  {
    group: "6.17",
    title: "overlong ASCII",
    valid: false,
    octets: ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"],
  },
  {
    group: "6.18",
    title: "the last overlong of a length",
    valid: false,
    octets: ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"],
  },
  {
    group: "6.19",
    title: "overlong NUL",
    valid: false,
    octets: ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"],
  },
  {
    group: "6.20",
    title: "a surrogate",
    valid: false,
    octets: ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"],
  },
  {
    group: "6.21",
    title: "a pair of surrogates",
    valid: false,
    octets: ["eda080", "edadbf", "edae80", "edafbf"].flatMap((high) => [`${high}edb080`, `${high}edbfbf`]),
  },
  { group: "6.22", title: "a non-character", valid: true, octets: nonCharacters },
  {
    group: "6.23",
    title: "a special",
    valid: true,
    octets: ["efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"],
  },
];
