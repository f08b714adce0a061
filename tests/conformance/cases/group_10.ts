/** Fragments of odd sizes, as a client that fragments by itself sends them. */
import { accepted, type Case, fragmented, repeated, text } from "../case.ts";

const payload = repeated("*", 65536);

export const group10: Case[] = [
  accepted("10.1.1", {
    title: "text of 64 KiB in fragments of 1300",
    steps: () => fragmented(1, payload, 1300),
    answers: () => [text(payload)],
  }),
];
