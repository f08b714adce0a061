/** Sends every frame back as it came. */
import type { Handlers } from "../../lib/mod.ts";

export default {
  raw: {
    message(data, ctx) {
      ctx.send(data);
    },
  },
} satisfies Handlers;
