/** A raw module that takes text only. */
import type { Handlers } from "../../../lib/mod.ts";

export default (() => ({
  raw: {
    binary: false,
    message(data, ctx) {
      ctx.send(data);
    },
  },
})) satisfies Handlers;
