/** Sends a frame of the kind and size it is asked for. */
import type { Handlers } from "../../../lib/mod.ts";

export default {
  raw: {
    message(data, ctx) {
      const [kind, size] = String(data).split(" ");
      ctx.send(kind === "text" ? "x".repeat(Number(size)) : new Uint8Array(Number(size)));
    },
  },
} satisfies Handlers;
