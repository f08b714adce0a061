/** Mistakes in a handler module that `deno check` finds. The types are the test; running it only makes sure that it was read. */
import { assert } from "../../assert.ts";
import { defineHandlers, type Handlers, type Kit, z } from "../../../lib/mod.ts";

interface App {
  roles: "user" | "admin";
  topics: `room:${string}`;
  events: { said: { text: string }; ended: undefined };
  state: { rooms: Set<string> };
}

type Roles = "user" | "admin";

/** Topics of an application, whose names and events follow from their declaration. */
const topics = ({ z, topic }: Kit<{ roles: Roles; claims: { rooms: string[] } }>) => ({
  "room:{room}": topic({
    params: z.object({ room: z.string().max(64) }),
    roles: ["user"],
    async allow({ room }, ctx) {
      const name: string = room;
      // @ts-expect-error room is a text
      const wrong: number = room;
      // @ts-expect-error what decides does not publish
      void ctx.publish;
      return await Promise.resolve(ctx.user.claims.rooms.includes(name) && wrong > 0);
    },
    recheck: "5m",
    publish: ["user"],
    presence: ["admin"],
    events: { said: z.object({ text: z.string(), at: z.coerce.number<number>().default(0) }), cleared: z.undefined() },
  }),
  "lot:{lot}:bids/{side}": topic({
    params: z.object({ lot: z.string(), side: z.enum(["buy", "sell"]) }),
    allow({ side }) {
      const one: "buy" | "sell" = side;
      return one === "buy";
    },
    events: { bid: z.object({ cents: z.int() }) },
  }),
  news: topic({ events: { item: z.object({ title: z.string() }) } }),
  // @ts-expect-error no role of this application
  wrongRole: topic({ roles: ["usr"], events: { a: z.string() } }),
  // @ts-expect-error no role of this application may publish
  wrongPublisher: topic({ publish: ["usr"], events: { a: z.string() } }),
  // @ts-expect-error no events
  noEvents: topic({ roles: ["user"] }),
  // @ts-expect-error an event is a schema
  noSchema: topic({ events: { a: "text" } }),
  // @ts-expect-error allow says yes or no
  noAnswer: topic({ allow: () => "yes", events: { a: z.string() } }),
});

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

  // Topics and errors of the documentation, without further types.
  (({ z, topic, publish, log }) => {
    const tick = () => publish("room:1", "message", { from: "ann", text: "hi" });
    log("loaded", { tick: typeof tick });
    return {
      topics: {
        "room:{room}": topic({
          params: z.object({ room: z.string().max(64) }),
          roles: ["user"],
          allow({ room }, ctx) {
            return ctx.user.claims["room"] === room;
          },
          recheck: "5m",
          publish: ["user"],
          presence: ["user"],
          events: { message: z.object({ from: z.string(), text: z.string() }) },
        }),
      },
      methods: {
        "lot.bid": {
          params: z.object({ lot: z.string(), cents: z.int().positive() }),
          result: z.object({ highest: z.int() }),
          errors: { too_low: { code: 1001, message: "Bid too low", data: z.object({ highest: z.int() }) } },
          handle({ lot, cents }, ctx) {
            if (cents <= 5) throw ctx.fail("too_low", { highest: 5 });
            ctx.publish(`room:${lot}`, "message", { from: ctx.user.id, text: "bid" });
            return { highest: cents };
          },
        },
      },
    };
  }) satisfies Handlers,

  ((kit) => {
    const { z, method, publish } = kit;
    publish("room:1", "said", { text: "x" });
    // @ts-expect-error not an event of that topic
    publish("room:1", "bid", { cents: 1 });
    return {
      topics: topics(kit),
      methods: {
        say: method({
          params: z.object({ room: z.string(), lot: z.string() }),
          errors: {
            full: { code: 1, message: "Full", data: z.object({ most: z.int() }) },
            gone: { code: 2, message: "Gone" },
          },
          handle({ room, lot }, ctx) {
            ctx.publish(`room:${room}`, "said", { text: "x" });
            ctx.publish(`room:${room}`, "cleared");
            ctx.publish(`lot:${lot}:bids/buy`, "bid", { cents: 1 });
            ctx.publish("news", "item", { title: "x" });
            // @ts-expect-error not an event of that topic
            ctx.publish(`room:${room}`, "sayd", { text: "x" });
            // @ts-expect-error an event of another topic
            ctx.publish(`room:${room}`, "bid", { cents: 1 });
            // @ts-expect-error data of another event
            ctx.publish(`room:${room}`, "said", { cents: 1 });
            // @ts-expect-error data of another type
            ctx.publish(`lot:${lot}:bids/buy`, "bid", { cents: "1" });
            // @ts-expect-error data is missing
            ctx.publish("news", "item");
            // @ts-expect-error no topic of this application
            ctx.publish(`rom:${room}`, "said", { text: "x" });
            // @ts-expect-error no topic of this application
            ctx.subscribe(`lot:${lot}`);
            // @ts-expect-error no topic of this application
            void ctx.presence("new");
            const made: Error[] = [ctx.fail("full", { most: 1 }), ctx.fail("gone")];
            // @ts-expect-error no error of this method
            made.push(ctx.fail("ful", { most: 1 }));
            // @ts-expect-error data of another type
            made.push(ctx.fail("full", { most: "1" }));
            // @ts-expect-error data is missing
            made.push(ctx.fail("full"));
            // @ts-expect-error this error has no data
            made.push(ctx.fail("gone", { most: 1 }));
            // @ts-expect-error no role of this application
            const guest = ctx.user.roles.includes("guest");
            const rooms: string[] = ctx.user.claims.rooms;
            throw [made, guest, rooms].length > 0 ? made[0] : undefined;
          },
        }),
        // @ts-expect-error a method without errors has none to fail with
        quiet: method({ params: z.object({}), handle: (_, ctx) => ctx.fail("any") }),
        // @ts-expect-error an error has a number and a message
        half: method({ params: z.object({}), errors: { a: { code: "1", message: "A" } }, handle: () => 1 }),
      },
    };
  }) satisfies Handlers<{ roles: Roles; claims: { rooms: string[] }; topics: typeof topics }>,

  // @ts-expect-error the topics that the application names are not declared
  defineHandlers<{ topics: typeof topics }>({ topics: {}, methods: {} }),

  defineHandlers<App>({
    // @ts-expect-error roles of another application
    methods: { a: { params: z.object({}), roles: ["guest"], handle: () => 1 } },
  }),
  // @ts-expect-error neither methods nor raw
  defineHandlers({}),
];

Deno.test("the types were checked", () => {
  assert(modules.length === 8);
});
