/** A raw module that takes its time, and takes only frames that begin with a letter. */
import type { Handlers } from "../../../lib/mod.ts";

let running = 0;

export default (({ z }) => ({
  raw: {
    schema: z.string().regex(/^[a-z]/),
    async message(data, ctx) {
      const atOnce = ++running;
      await new Promise((resolve) => setTimeout(resolve, 100));
      running--;
      ctx.send(`${data} ${atOnce}`);
    },
  },
})) satisfies Handlers;
