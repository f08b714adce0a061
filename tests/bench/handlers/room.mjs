/** One room that everybody hears. */
export default ({ z }) => ({
  methods: {
    join: {
      params: z.object({}),
      handle(_params, ctx) {
        ctx.subscribe("room");
        return { ok: true };
      },
    },
    publish: {
      params: z.object({ text: z.string().max(4096) }),
      handle({ text }, ctx) {
        ctx.publish("room", "message", { from: ctx.user.id, text });
        return { ok: true };
      },
    },
  },
});
