/** UTF-8: valid, invalid, cut anywhere, and refused as soon as it is wrong. */
import { concat, frame } from "../../helpers/client_frames.ts";
import { accepted, type Case, fragmented, hex, refused, text, together } from "../case.ts";
import { KOSME, utf8Sequences } from "./utf8_sequences.ts";

const valid = "Hello-µ@ßöäüàá-UTF-8!!";
const kosme = hex(KOSME);
const edited = hex("65 64 69 74 65 64");
/** Wrong at the surrogate's second octet. */
const surrogate = concat(kosme, hex("ed a0 80"), edited);
/** U+110000: wrong at the 13th octet, 90. */
const beyond = concat(kosme, hex("f4 90 80 80"), edited);

/** The first part is fine; the second makes it wrong and must be refused before the third, which is never sent. */
function failFast(id: string, title: string, cuts: readonly [number, number], inFrames: boolean): Case {
  const header = frame({ opcode: 1, payload: beyond }).length - beyond.length;
  const whole = frame({ opcode: 1, payload: beyond });
  const [first, second] = cuts;
  return refused(id, 1007, {
    title,
    steps: () => [
      {
        send: inFrames
          ? frame({ opcode: 1, fin: false, payload: beyond.subarray(0, first) })
          : whole.slice(0, header + first),
      },
      { quiet: true },
      {
        send: inFrames
          ? frame({ opcode: 0, fin: false, payload: beyond.subarray(first, second) })
          : whole.slice(header + first, header + second),
      },
    ],
  });
}

const sequences = utf8Sequences.flatMap(({ group, title, valid, octets }) =>
  octets.map((digits, index) => {
    const id = `${group}.${index + 1}`;
    const payload = hex(digits);
    const isValid = typeof valid === "boolean" ? valid : valid(index);
    const steps = () => together({ opcode: 1, payload });
    return isValid
      ? accepted(id, { title, steps, answers: () => [text(payload)] })
      : refused(id, 1007, { title, steps });
  })
);

export const group6: Case[] = [
  accepted("6.1.1", {
    title: "empty text",
    steps: () => together({ opcode: 1 }),
    answers: () => [text("")],
  }),
  accepted("6.1.2", {
    title: "text of three empty fragments",
    steps: () => together({ opcode: 1, fin: false }, { opcode: 0, fin: false }, { opcode: 0 }),
    answers: () => [text("")],
  }),
  accepted("6.1.3", {
    title: "text of three fragments, the first and the last empty",
    steps: () =>
      together({ opcode: 1, fin: false }, { opcode: 0, fin: false, payload: "middle frame payload" }, { opcode: 0 }),
    answers: () => [text("middle frame payload")],
  }),
  accepted("6.2.1", {
    title: "valid text in one frame",
    steps: () => together({ opcode: 1, payload: valid }),
    answers: () => [text(valid)],
  }),
  accepted("6.2.2", {
    title: "valid text in two fragments, cut between characters",
    steps: () => together({ opcode: 1, fin: false, payload: "Hello-µ@ßöä" }, { opcode: 0, payload: "üàá-UTF-8!!" }),
    answers: () => [text(valid)],
  }),
  accepted("6.2.3", {
    title: "valid text in fragments of one octet",
    steps: () => fragmented(1, valid, 1),
    answers: () => [text(valid)],
  }),
  accepted("6.2.4", {
    title: "valid Greek text in fragments of one octet",
    steps: () => fragmented(1, kosme, 1),
    answers: () => [text(kosme)],
  }),
  refused("6.3.1", 1007, {
    title: "wrong text in one frame",
    steps: () => together({ opcode: 1, payload: surrogate }),
  }),
  refused("6.3.2", 1007, { title: "wrong text in fragments of one octet", steps: () => fragmented(1, surrogate, 1) }),
  failFast("6.4.1", "wrong in the second of three fragments", [11, 15], true),
  failFast("6.4.2", "wrong in the second of three fragments, which is the wrong octet alone", [12, 13], true),
  failFast("6.4.3", "wrong in the second of three chops of one frame", [11, 15], false),
  failFast("6.4.4", "wrong in the second of three chops of one frame, which is the wrong octet alone", [12, 13], false),
  ...sequences,
];
