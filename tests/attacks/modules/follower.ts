/** A handler without a limit of its own: it subscribes its client to whatever that asks for. */
import type { Handlers } from "../../../lib/mod.ts";

export default (({ z }) => ({
  methods: {
    "follow.numbered": {
      params: z.object({ prefix: z.string(), from: z.number(), count: z.number() }),
      handle({ prefix, from, count }, ctx) {
        for (let at = from; at < from + count; at++) ctx.subscribe(`${prefix}${at}${"x".repeat(400)}`);
        return count;
      },
    },
    "follow.tell": {
      params: z.object({ topic: z.string() }),
      handle({ topic }, ctx) {
        ctx.publish(topic, "told", {});
        return true;
      },
    },
  },
})) satisfies Handlers;
