/**
 * Limits and performance. Messages of more than 1 MiB in the original are 1 MiB here: beyond that nothing new is
 * shown, and our servers are run with a limit.
 */
import { accepted, binary, type Case, chopped, fragmented, repeated, text, together } from "../case.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const LARGEST = MIB;

interface Kind {
  readonly name: "text" | "binary";
  readonly opcode: 1 | 2;
  readonly pattern: string | Uint8Array;
  readonly answer: (payload: Uint8Array) => ReturnType<typeof text>;
}

const texts: Kind = { name: "text", opcode: 1, pattern: "BAsd7&jh23", answer: text };
const binaries: Kind = {
  name: "binary",
  opcode: 2,
  pattern: Uint8Array.of(0x00, 0xfe, 0x23, 0xfa, 0xf0),
  answer: binary,
};

const sized = (size: number) => size < KIB ? `${size}` : size < MIB ? `${size / KIB} KiB` : `${size / MIB} MiB`;
const capped = (size: number) => size > LARGEST ? `${sized(size)}, here ${sized(LARGEST)}` : sized(size);

function whole(group: string, kind: Kind): Case[] {
  return [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].map((size, index) => {
    const payload = () => repeated(kind.pattern, Math.min(size, LARGEST));
    return accepted(`${group}.${index + 1}`, {
      title: `${kind.name} of ${capped(size)}`,
      steps: () => together({ opcode: kind.opcode, payload: payload() }),
      answers: () => [kind.answer(payload())],
    });
  });
}

function inFragments(group: string, kind: Kind): Case[] {
  const sizes = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];
  return sizes.map((size, index) => {
    const payload = () => repeated(kind.name === "text" ? "*" : Uint8Array.of(0xfe), LARGEST);
    return accepted(`${group}.${index + 1}`, {
      title: `${kind.name} of ${capped(4 * MIB)} in fragments of ${capped(size)}`,
      steps: () => fragmented(kind.opcode, payload(), size),
      answers: () => [kind.answer(payload())],
    });
  });
}

function inChops(group: string, kind: Kind): Case[] {
  return [64, 128, 256, 512, 1024, 2048].map((chop, index) => {
    const payload = () => repeated(kind.pattern, MIB);
    return accepted(`${group}.${index + 1}`, {
      title: `${kind.name} of 1 MiB in chops of ${chop}`,
      steps: () => chopped([{ opcode: kind.opcode, payload: payload() }], chop),
      answers: () => [kind.answer(payload())],
    });
  });
}

/** Each message is sent once the one before has come back. */
function roundTrips(group: string, kind: Kind): Case[] {
  const COUNT = 1000;
  return [0, 16, 64, 256, 1024, 4096].map((size, index) => {
    const payload = repeated(kind.name === "text" ? "*" : Uint8Array.of(0xfe), size);
    return accepted(`${group}.${index + 1}`, {
      title: `${COUNT} round trips of ${kind.name} of ${size}`,
      steps: () =>
        Array.from({ length: COUNT }, (_, count) => [
          ...together({ opcode: kind.opcode, payload }),
          { await: count + 1 },
        ]).flat(),
      answers: () => Array.from({ length: COUNT }, () => kind.answer(payload)),
    });
  });
}

export const group9: Case[] = [
  ...whole("9.1", texts),
  ...whole("9.2", binaries),
  ...inFragments("9.3", texts),
  ...inFragments("9.4", binaries),
  ...inChops("9.5", texts),
  ...inChops("9.6", binaries),
  ...roundTrips("9.7", texts),
  ...roundTrips("9.8", binaries),
];
