/** Framing: messages of every length encoding, whole and in chops. */
import { accepted, binary, type Case, chopped, repeated, text, together } from "../case.ts";

const lengths = [0, 125, 126, 127, 128, 65535, 65536, 65536];
const CHOP = 997;

function framing(group: "1.1" | "1.2"): Case[] {
  const isText = group === "1.1";
  return lengths.map((length, index) => {
    const chop = index === 7;
    const payload = repeated(isText ? "*" : Uint8Array.of(0xfe), length);
    const frame = { opcode: isText ? 1 : 2, payload };
    return accepted(`${group}.${index + 1}`, {
      title: `${isText ? "text" : "binary"} of ${length} octets${chop ? ` in chops of ${CHOP}` : ""}`,
      steps: () => chop ? chopped([frame], CHOP) : together(frame),
      answers: () => [isText ? text(payload) : binary(payload)],
    });
  });
}

export const group1: Case[] = [...framing("1.1"), ...framing("1.2")];
