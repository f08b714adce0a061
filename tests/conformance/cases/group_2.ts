/** Pings and pongs. */
import { accepted, type Case, chopped, closing, hex, pong, refused, repeated, together } from "../case.ts";

const PING = 9;
const PONG = 10;
const greeting = "Hello, world!";
const notText = hex("00 ff fe fd fc fb 00 ff");
const longest = repeated(Uint8Array.of(0xfe), 125);
const unsolicited = { opcode: PONG, payload: "unsolicited pong payload" };
const ten = Array.from({ length: 10 }, (_, index) => `payload-${index}`);
const tenPings = ten.map((payload) => ({ opcode: PING, payload }));

export const group2: Case[] = [
  accepted("2.1", { title: "ping without payload", steps: () => together({ opcode: PING }), answers: () => [pong()] }),
  accepted("2.2", {
    title: "ping with text",
    steps: () => together({ opcode: PING, payload: greeting }),
    answers: () => [pong(greeting)],
  }),
  accepted("2.3", {
    title: "ping with octets that are no UTF-8",
    steps: () => together({ opcode: PING, payload: notText }),
    answers: () => [pong(notText)],
  }),
  accepted("2.4", {
    title: "ping of 125 octets",
    steps: () => together({ opcode: PING, payload: longest }),
    answers: () => [pong(longest)],
  }),
  refused("2.5", 1002, {
    title: "ping of 126 octets",
    steps: () => together({ opcode: PING, payload: repeated(Uint8Array.of(0xfe), 126) }),
  }),
  accepted("2.6", {
    title: "ping of 125 octets, octet by octet",
    steps: () => chopped([{ opcode: PING, payload: longest }]),
    answers: () => [pong(longest)],
  }),
  accepted("2.7", {
    title: "unsolicited pong without payload",
    steps: () => together({ opcode: PONG }, closing(1000)),
  }),
  accepted("2.8", { title: "unsolicited pong with payload", steps: () => together(unsolicited, closing(1000)) }),
  accepted("2.9", {
    title: "unsolicited pong, then ping",
    steps: () => together(unsolicited, { opcode: PING, payload: "ping payload" }),
    answers: () => [pong("ping payload")],
  }),
  accepted("2.10", {
    title: "ten pings",
    steps: () => together(...tenPings),
    answers: () => ten.map((payload) => pong(payload)),
  }),
  accepted("2.11", {
    title: "ten pings, octet by octet",
    steps: () => chopped(tenPings),
    answers: () => ten.map((payload) => pong(payload)),
  }),
];
