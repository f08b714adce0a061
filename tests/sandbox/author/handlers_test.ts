/** What `deno check` catches in a handler module. The types are the test; running it only makes sure that it was read. */
import { assert } from "../../assert.ts";
import { defineHandlers, type Handlers, z } from "../../../lib/mod.ts";

interface App {
  roles: "user" | "admin";
  topics: `room:${string}`;
  events: { said: { text: string }; ended: undefined };
  state: { rooms: Set<string> };
}

/** Nothing here is ever called. */
const modules = [
  // The example of the documentation, without further types.
  (({ z }) => ({
    methods: {
      "chat.send": {
        params: z.object({ room: z.string().max(64), text: z.string().min(1).max(2000) }),
        roles: ["user"],
        cost: 1,
        handle({ room, text }, ctx) {
          ctx.publish(`room:${room}`, "chat.message", { from: ctx.user.id, text });
          return { ok: true };
        },
      },
    },
    open(ctx) {
      const id: string = ctx.connection.id;
      return void id;
    },
    close(_ctx, code) {
      const number: number = code;
      return void number;
    },
  })) satisfies Handlers,

  (({ z, method }) => ({
    methods: {
      a: method({
        params: z.object({ n: z.number(), s: z.string().optional() }),
        result: z.object({ ok: z.boolean() }),
        roles: ["admin"],
        handle({ n, s }, ctx) {
          const number: number = n;
          const text: string | undefined = s;
          const rooms: Set<string> | undefined = ctx.state.rooms;
          const role: "user" | "admin" | undefined = ctx.user.roles[0];
          // @ts-expect-error n is a number
          const wrong: string = n;
          ctx.publish("room:1", "said", { text: "x" });
          ctx.notify("ended");
          // @ts-expect-error not a topic of this application
          ctx.publish("rom:1", "said", { text: "x" });
          // @ts-expect-error a topic is text
          ctx.subscribe(1);
          // @ts-expect-error not an event of this application
          ctx.notify("sayd", { text: "x" });
          // @ts-expect-error parameters of another shape
          ctx.notify("said", { txt: "x" });
          // @ts-expect-error parameters are missing
          ctx.notify("said");
          // @ts-expect-error there is no such thing in the state
          void ctx.state.room;
          return { ok: [number, text, rooms, role, wrong].length > 0 };
        },
      }),
      // @ts-expect-error ok is a boolean
      b: method({ params: z.object({}), result: z.object({ ok: z.boolean() }), handle: () => ({ ok: 1 }) }),
      // @ts-expect-error no role of this application
      c: method({ params: z.object({}), roles: ["usr"], handle: () => 1 }),
      // @ts-expect-error roles is a list
      d: method({ params: z.object({}), roles: "user", handle: () => 1 }),
      // @ts-expect-error cost is a number
      e: method({ params: z.object({}), cost: "1", handle: () => 1 }),
      // @ts-expect-error an example that does not fit
      f: method({ params: z.object({ n: z.number() }), examples: [{ n: "1" }], handle: () => 1 }),
      // @ts-expect-error no params
      g: method({ handle: () => 1 }),
    },
  })) satisfies Handlers<App>,

  ({
    raw: {
      message(data, ctx) {
        const either: string | Uint8Array = data;
        ctx.send(either);
        // @ts-expect-error a frame is text or bytes
        ctx.send(1);
      },
    },
  }) satisfies Handlers,

  defineHandlers<App>({
    // @ts-expect-error roles of another application
    methods: { a: { params: z.object({}), roles: ["guest"], handle: () => 1 } },
  }),
  // @ts-expect-error neither methods nor raw
  defineHandlers({}),
];

Deno.test("the types were checked", () => {
  assert(modules.length === 5);
});
