/** Keeps what it was sent, in the order it came. */
import type { Handlers } from "../../../lib/mod.ts";

export default (({ z, method }) => ({
  methods: {
    add: method({
      params: z.object({ n: z.number() }),
      handle({ n }, ctx) {
        ctx.state.all?.push(n);
        return n % 3 === 0 ? new Promise((done) => setTimeout(done, 5)) : n;
      },
    }),
    note: method({ params: z.object({ n: z.number() }), handle: ({ n }, ctx) => void ctx.state.all?.push(n) }),
    all: method({ params: z.object({}), handle: (_, ctx) => ctx.state.all }),
  },
  async open(ctx) {
    if (ctx.user.id === "stuck") await new Promise<never>(() => {});
    await new Promise((done) => setTimeout(done, 20));
    if (ctx.user.id === "refused") throw new Error("not you");
    ctx.state.all = ["open"];
  },
  async close(ctx) {
    if (ctx.user.id === "lingering") await new Promise<never>(() => {});
  },
})) satisfies Handlers<{ state: { all: unknown[] } }>;
