/** Methods that do what the tests need handlers to do. */
import type { Handlers } from "../../../lib/mod.ts";

let running = 0;

export default (({ z }) => ({
  methods: {
    "trial.echo": {
      params: z.object({ text: z.string() }),
      handle: ({ text }) => ({ text }),
    },
    "trial.any": { params: z.any(), handle: () => true },
    "trial.dear": { params: z.object({}), cost: 6, handle: () => true },
    "trial.notify": {
      params: z.object({}),
      handle(_, ctx) {
        ctx.notify("trial.pushed", { to: ctx.user.id });
        return true;
      },
    },
    "trial.fail": {
      params: z.object({}),
      handle() {
        throw new Error("the boiler burst");
      },
    },
    "trial.admin": { params: z.object({}), roles: ["admin"], handle: () => "yes" },
    "trial.public": { params: z.object({}), public: true, handle: () => "yes" },
    "trial.hang": { params: z.object({}), handle: () => new Promise(() => {}) },
    "trial.work": {
      params: z.object({ ms: z.number() }),
      handle({ ms }) {
        const until = performance.now() + ms;
        while (performance.now() < until);
        return true;
      },
    },
    "trial.slow": {
      params: z.object({ ms: z.number() }),
      async handle({ ms }) {
        const atOnce = ++running;
        await new Promise((resolve) => setTimeout(resolve, ms));
        running--;
        return { atOnce };
      },
    },
    "trial.close": {
      params: z.object({ reason: z.string() }),
      handle({ reason }, ctx) {
        ctx.close(reason);
        return true;
      },
    },
  },
})) satisfies Handlers;
