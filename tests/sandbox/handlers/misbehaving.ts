// deno-lint-ignore-file no-console -- a handler's console is under test
/** A module that breaks its limits in every way, and does ordinary things beside. */
import type { Handlers } from "../../../lib/mod.ts";

const kept: unknown[] = [];

export default (({ z, method }) => {
  const none = z.object({});
  return {
    methods: {
      ping: method({ params: none, handle: () => "pong" }),
      never: method({
        params: none,
        handle(_, ctx) {
          ctx.signal.addEventListener("abort", () => ctx.log("aborted"));
          return new Promise<never>(() => {});
        },
      }),
      loop: method({
        params: none,
        handle() {
          for (;;);
        },
      }),
      stubborn_loop: method({
        params: none,
        handle() {
          for (;;) {
            try {
              for (;;) JSON.parse("[]");
            } catch {
              /* goes on */
            } finally {
              // deno-lint-ignore no-unsafe-finally -- being stubborn is the point
              continue;
            }
          }
        },
      }),
      regular_expression: method({ params: none, handle: () => /^(a+)+$/.test("a".repeat(60) + "b") }),
      microtasks: method({
        params: none,
        handle() {
          const again = (): Promise<void> => Promise.resolve().then(again);
          void again();
          return "started";
        },
      }),
      heap: method({
        params: none,
        handle() {
          const all: unknown[] = [];
          for (;;) all.push(new Array(1000).fill(Math.random()));
        },
      }),
      buffers: method({
        params: z.object({ mib: z.number() }),
        handle({ mib }) {
          for (let i = 0; i < mib; i++) kept.push(new Uint8Array(1 << 20).fill(1));
          return kept.length;
        },
      }),
      throw: method({
        params: none,
        handle() {
          throw new Error("a secret reason");
        },
      }),
      throw_odd: method({
        params: none,
        handle() {
          throw {
            toString: null,
            get stack() {
              throw new Error();
            },
          };
        },
      }),
      reject: method({ params: none, handle: () => Promise.reject(new Error("a secret reason")) }),
      unhandled: method({
        params: none,
        handle() {
          void Promise.reject(new Error("nobody looks"));
          return new Promise<never>(() => {});
        },
      }),
      timer_throws: method({
        params: none,
        handle() {
          setTimeout(() => {
            throw new Error("in a timer");
          }, 1);
          return new Promise<never>(() => {});
        },
      }),
      flood: method({
        params: none,
        handle(_, ctx) {
          for (;;) ctx.notify("x", { a: 1 });
        },
      }),
      log_flood: method({
        params: none,
        handle() {
          for (let i = 0; i < 200_000; i++) console.log("line", i);
          return "done";
        },
      }),
      big_result: method({ params: none, handle: () => "x".repeat(2 << 20) }),
      odd_result: method({
        params: z.object({ kind: z.string() }),
        handle: ({ kind }) => kind === "bigint" ? 1n : cycle(),
      }),
      wrong_result: method({
        params: none,
        result: z.object({ ok: z.boolean() }),
        handle: () => ({ ok: "no" }) as never,
      }),
      nothing: method({ params: none, handle: () => undefined }),
      wait: method({
        params: z.object({ ms: z.number() }),
        handle: ({ ms }) => new Promise((done) => setTimeout(() => done(ms), ms)),
      }),
      count: method({
        params: none,
        handle(_, ctx) {
          const count = (ctx.state["count"] as number | undefined ?? 0) + 1;
          ctx.state["count"] = count;
          return { count, resumed: ctx.state["resumed"] };
        },
      }),
      context: method({
        params: none,
        async handle(_, ctx) {
          ctx.subscribe("t");
          ctx.publish("t", "said", { a: 1 });
          ctx.notify("told");
          ctx.unsubscribe("t");
          ctx.log("line", { b: 2 });
          console.warn("careful", { c: 3 });
          const presence = await ctx.presence("t").catch((error: Error) => error.message);
          return { user: ctx.user, connection: ctx.connection, presence };
        },
      }),
      leave: method({ params: none, handle: (_, ctx) => ctx.close("enough") }),
      bad_notify: method({ params: none, handle: (_, ctx) => ctx.notify("x", "text" as never) }),
    },
    open(ctx, { resumed }) {
      ctx.state["resumed"] = resumed;
    },
    close(ctx, code) {
      ctx.publish("left", "left", { code, count: ctx.state["count"] ?? 0 });
      ctx.notify("nobody");
    },
  };
}) satisfies Handlers;

function cycle(): unknown {
  const made: Record<string, unknown> = {};
  made["self"] = made;
  return made;
}
