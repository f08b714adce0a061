/** A module that misuses what it may do: each call floods the front in one way, for as long as the sandbox lets it. */
const TEXT = "f".repeat(1000);
const ATTEMPTS = 2000;

export default ({ z }) => ({
  methods: {
    flood: {
      params: z.object({ kind: z.enum(["publish", "notify", "log", "result"]) }),
      handle({ kind }, ctx) {
        ctx.subscribe("flood");
        const once = {
          publish: () => ctx.publish("flood", "flood", { text: TEXT }),
          notify: () => ctx.notify("flood", { text: TEXT }),
          log: () => ctx.log(TEXT, { text: TEXT }),
        }[kind];
        if (once === undefined) return { text: TEXT.repeat(1000) };
        try {
          for (let attempt = 0; attempt < ATTEMPTS; attempt++) once();
        } catch {
          // The allowance is used up.
        }
        return { text: "" };
      },
    },
  },
});
