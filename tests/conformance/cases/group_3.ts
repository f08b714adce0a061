/** Reserved bits: no extension gives them a meaning. */
import { type Case, chopped, framewise, hex, refused, text, together } from "../case.ts";

const greeting = "Hello, world!";
const hello = { opcode: 1, payload: greeting };
const ping = { opcode: 9 };
const echoed = { answers: () => [text(greeting)], mayMissAnswers: true };
const octets = hex("00 ff fe fd fc fb 00 ff");

export const group3: Case[] = [
  refused("3.1", 1002, { title: "text with RSV 1", steps: () => together({ ...hello, rsv: 1 }) }),
  refused("3.2", 1002, {
    title: "text, text with RSV 2, ping",
    steps: () => together(hello, { ...hello, rsv: 2 }, ping),
    ...echoed,
  }),
  refused("3.3", 1002, {
    title: "text, text with RSV 3, ping, frame by frame",
    steps: () => framewise(hello, { ...hello, rsv: 3 }, ping),
    ...echoed,
  }),
  refused("3.4", 1002, {
    title: "text, text with RSV 4, ping, octet by octet",
    steps: () => chopped([hello, { ...hello, rsv: 4 }, ping]),
    ...echoed,
  }),
  refused("3.5", 1002, { title: "binary with RSV 5", steps: () => together({ opcode: 2, payload: octets, rsv: 5 }) }),
  refused("3.6", 1002, {
    title: "ping with RSV 6",
    steps: () => together({ opcode: 9, payload: greeting, rsv: 6 }),
  }),
  refused("3.7", 1002, { title: "close with RSV 7", steps: () => together({ opcode: 8, rsv: 7 }) }),
];
