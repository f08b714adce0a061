/** Lets a client choose what its handler subscribes to, publishes on and asks about. */
import type { Handlers } from "../../../lib/mod.ts";

export default (({ z }) => {
  const params = z.object({ topic: z.string() });
  return {
    methods: {
      "names.subscribe": {
        params,
        handle({ topic }, ctx) {
          ctx.subscribe(topic);
          return true;
        },
      },
      "names.publish": {
        params,
        handle({ topic }, ctx) {
          ctx.publish(topic, "told", {});
          return true;
        },
      },
      "names.presence": { params, handle: ({ topic }, ctx) => ctx.presence(topic) },
    },
  };
}) satisfies Handlers;
