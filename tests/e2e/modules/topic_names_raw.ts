/** A raw module that subscribes its client to whatever it says, and tells it how that went. */
import type { Handlers } from "../../../lib/mod.ts";

export default (() => ({
  raw: {
    async message(data, ctx) {
      const topic = String(data);
      try {
        ctx.subscribe(topic);
      } catch {
        return ctx.send("refused");
      }
      ctx.send(JSON.stringify(await ctx.presence(topic)));
    },
  },
})) satisfies Handlers;
