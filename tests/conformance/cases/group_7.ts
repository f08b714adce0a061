/** Closing: order, payload and codes of close frames. */
import { accepted, type Case, closing, hex, refused, repeated, text, together } from "../case.ts";
import { KOSME } from "./utf8_sequences.ts";

const greeting = "Hello World!";
const ping = { opcode: 9 };
const hello = { opcode: 1, payload: greeting };
const big = repeated("BAsd7&jh23", 256 * 1024);

const goodCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const badCodes = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

export const group7: Case[] = [
  accepted("7.1.1", {
    title: "message, then close",
    steps: () => together(hello),
    answers: () => [text(greeting)],
  }),
  accepted("7.1.2", { title: "two close frames", steps: () => together(closing(1000), { opcode: 8 }) }),
  accepted("7.1.3", { title: "ping after close", steps: () => together(closing(1000), ping) }),
  accepted("7.1.4", { title: "text after close", steps: () => together(closing(1000), hello) }),
  accepted("7.1.5", {
    title: "close between two fragments",
    steps: () =>
      together({ opcode: 1, fin: false, payload: "fragment1" }, closing(1000), { opcode: 0, payload: "fragment2" }),
  }),
  accepted("7.1.6", {
    title: "256 KiB and a short message, close, ping",
    steps: () => together({ opcode: 1, payload: big }, hello, closing(1000), ping),
    answers: () => [text(big), text(greeting)],
    mayMissAnswers: true,
  }),
  // An empty close frame is answered by an empty one: "no code was present" is 1005 here. Autobahn takes 1000 or none.
  accepted("7.3.1", { title: "close without payload", steps: () => together({ opcode: 8 }) }, [1000, 1005]),
  refused("7.3.2", 1002, {
    title: "close with half a code",
    steps: () => together({ opcode: 8, payload: "a" }),
  }),
  accepted("7.3.3", { title: "close with a code", steps: () => together(closing(1000)) }),
  accepted("7.3.4", { title: "close with code and reason", steps: () => together(closing(1000, greeting)) }),
  accepted("7.3.5", {
    title: "close with a reason of 123 octets",
    steps: () => together(closing(1000, "*".repeat(123))),
  }),
  refused("7.3.6", 1002, {
    title: "close with a reason of 124 octets",
    steps: () => together(closing(1000, "*".repeat(124))),
  }),
  refused("7.5.1", 1007, {
    title: "close with a reason that is no UTF-8",
    steps: () => together(closing(1000, hex(`${KOSME} ed a0 80 65 64 69 74 65 64`))),
  }),
  ...goodCodes.map((code, index) =>
    accepted(`7.7.${index + 1}`, { title: `close with code ${code}`, steps: () => together(closing(code)) }, [
      1000,
      code,
    ])
  ),
  ...badCodes.map((code, index) =>
    refused(`7.9.${index + 1}`, 1002, { title: `close with code ${code}`, steps: () => together(closing(code)) })
  ),
  // The RFC says nothing about codes above 4999. Unknown is refused here.
  ...[5000, 65535].map((code, index) =>
    refused(`7.13.${index + 1}`, 1002, { title: `close with code ${code}`, steps: () => together(closing(code)) })
  ),
];
