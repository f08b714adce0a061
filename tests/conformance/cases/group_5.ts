/** Fragmentation, control frames in between, continuations of nothing. */
import { type ClientFrame } from "../../helpers/client_frames.ts";
import { accepted, type Case, chopped, framewise, pong, refused, type Step, text, together } from "../case.ts";

const start = (payload: string): ClientFrame => ({ opcode: 1, fin: false, payload });
const more = (payload: string): ClientFrame => ({ opcode: 0, fin: false, payload });
const last = (payload: string): ClientFrame => ({ opcode: 0, payload });
const ping = (payload: string): ClientFrame => ({ opcode: 9, payload });

/** The same frames three times: in one write, each in its own, octet by octet. */
type Sending = (frames: ClientFrame[]) => Step[];
const sendings: [string, Sending][] = [
  ["in one write", (frames) => together(...frames)],
  ["frame by frame", (frames) => framewise(...frames)],
  ["octet by octet", (frames) => chopped(frames)],
];

const inTwo = [start("fragment1"), last("fragment2")];
const pinged = [start("fragment1"), ping("ping payload"), last("fragment2")];
const lateText: ClientFrame = { opcode: 1, payload: "Hello, world!" };
const whole = "fragment1fragment2";

const twoFragments = sendings.map(([how, send], index) =>
  accepted(`5.${3 + index}`, {
    title: `text in two fragments, ${how}`,
    steps: () => send(inTwo),
    answers: () => [text(whole)],
  })
);
const pingBetween = sendings.map(([how, send], index) =>
  accepted(`5.${6 + index}`, {
    title: `ping between two fragments, ${how}`,
    steps: () => send(pinged),
    answers: () => [pong("ping payload"), text(whole)],
  })
);
const nothingToContinue = [true, false].flatMap((fin, group) =>
  sendings.map(([how, send], index) =>
    refused(`5.${9 + 3 * group + index}`, 1002, {
      title: `${fin ? "final" : "non-final"} continuation of nothing, then text, ${how}`,
      steps: () => send([{ opcode: 0, fin, payload: "non-continuation payload" }, lateText]),
    })
  )
);

/** Two pings in the midst of five fragments; the first is answered before the message is whole. */
function pingsBetween(id: string, send: Sending, how: string): Case {
  return accepted(id, {
    title: `two pings among five fragments, ${how}`,
    steps: () => [
      ...send([start("fragment1"), more("fragment2"), ping("pongme 1!")]),
      { await: 1 },
      ...send([more("fragment3"), more("fragment4"), ping("pongme 2!"), last("fragment5")]),
    ],
    answers: () => [pong("pongme 1!"), pong("pongme 2!"), text("fragment1fragment2fragment3fragment4fragment5")],
  });
}

export const group5: Case[] = [
  refused("5.1", 1002, {
    title: "ping in two fragments",
    steps: () => together({ opcode: 9, fin: false, payload: "fragment1" }, last("fragment2")),
  }),
  refused("5.2", 1002, {
    title: "pong in two fragments",
    steps: () => together({ opcode: 10, fin: false, payload: "fragment1" }, last("fragment2")),
  }),
  ...twoFragments,
  ...pingBetween,
  ...nothingToContinue,
  refused("5.15", 1002, {
    title: "text in two fragments, continuation of nothing, text",
    steps: () => together(...inTwo, more("fragment3"), { opcode: 1, payload: "fragment4" }),
    answers: () => [text(whole)],
    mayMissAnswers: true,
  }),
  refused("5.16", 1002, {
    title: "twice: non-final continuation of nothing, text in two fragments",
    steps: () => {
      const once = [more("fragment1"), start("fragment2"), last("fragment3")];
      return together(...once, ...once);
    },
  }),
  refused("5.17", 1002, {
    title: "twice: final continuation of nothing, text in two fragments",
    steps: () => {
      const once = [last("fragment1"), start("fragment2"), last("fragment3")];
      return together(...once, ...once);
    },
  }),
  refused("5.18", 1002, {
    title: "second fragment with opcode text",
    steps: () => together(start("fragment1"), { opcode: 1, payload: "fragment2" }),
  }),
  pingsBetween("5.19", (frames) => together(...frames), "in one write each"),
  pingsBetween("5.20", (frames) => framewise(...frames), "frame by frame"),
];
