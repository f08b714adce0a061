/** Rooms whose events and users are those of all nodes. */
import type { Handlers } from "../../../../lib/mod.ts";

export default (({ z, topic }) => ({
  topics: {
    "room:{room}": topic({
      params: z.object({ room: z.string().max(64) }),
      publish: ["user"],
      presence: ["user"],
      events: { message: z.object({ n: z.number() }) },
    }),
  },
  methods: {
    /** Subscribes and publishes in one call: the joiner hears its own event. */
    "room.enter": {
      params: z.object({ room: z.string(), n: z.number() }),
      async handle({ room, n }, ctx) {
        await ctx.subscribe(`room:${room}`);
        ctx.publish(`room:${room}`, "message", { n });
        return true;
      },
    },
    "room.say": {
      params: z.object({ room: z.string(), from: z.number(), count: z.number() }),
      handle({ room, from, count }, ctx) {
        for (let n = from; n < from + count; n++) ctx.publish(`room:${room}`, "message", { n });
        return true;
      },
    },
  },
})) satisfies Handlers;
