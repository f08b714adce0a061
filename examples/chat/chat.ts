/**
 * Rooms one can join, talk in and leave. Who is in a room hears its messages; `chat.who` says who that is.
 *
 * Text is passed on as it was written: escaping belongs where it is put into a page. A page that takes HTML asks for
 * `chat.preview`.
 */
import type { Handlers } from "../../lib/mod.ts";
import { MOST_ROOMS, room, text } from "./limits.ts";

interface Chat {
  roles: "user";
  topics: `room:${string}`;
  events: {
    "chat.message": { from: string; text: string };
    "chat.joined": { user: string; room: string };
    "chat.left": { user: string; room: string };
  };
  state: { rooms: Set<string> };
}

export default (({ z, method, escape }) => {
  const inRoom = z.strictObject({ room: room(z) });
  const ok = z.object({ ok: z.literal(true) });
  return {
    methods: {
      "chat.join": method({
        description: "Enters a room: its messages are notified as chat.message from now on",
        params: inRoom,
        result: ok,
        roles: ["user"],
        examples: [{ room: "lobby" }],
        handle({ room }, ctx) {
          const rooms = ctx.state.rooms ??= new Set();
          if (rooms.has(room)) return { ok: true as const };
          if (rooms.size >= MOST_ROOMS) throw new Error(`more than ${MOST_ROOMS} rooms`);
          rooms.add(room);
          ctx.subscribe(`room:${room}`);
          ctx.publish(`room:${room}`, "chat.joined", { user: ctx.user.id, room });
          return { ok: true as const };
        },
      }),
      "chat.leave": method({
        description: "Leaves a room",
        params: inRoom,
        result: ok,
        roles: ["user"],
        handle({ room }, ctx) {
          if (ctx.state.rooms?.delete(room)) {
            ctx.publish(`room:${room}`, "chat.left", { user: ctx.user.id, room });
          }
          ctx.unsubscribe(`room:${room}`);
          return { ok: true as const };
        },
      }),
      "chat.send": method({
        description: "Says something in a room",
        params: z.object({ room: room(z), text: text(z) }),
        result: ok,
        roles: ["user"],
        cost: 1,
        examples: [{ room: "lobby", text: "Good morning" }],
        handle({ room, text }, ctx) {
          ctx.publish(`room:${room}`, "chat.message", { from: ctx.user.id, text });
          return { ok: true as const };
        },
      }),
      "chat.who": method({
        description: "Says who is in a room",
        params: inRoom,
        result: z.object({ users: z.array(z.object({ user: z.string(), connections: z.number() })) }),
        roles: ["user"],
        async handle({ room }, ctx) {
          return { users: await ctx.presence(`room:${room}`) };
        },
      }),
      "chat.preview": method({
        description: "Gives a message's text ready to be put into a page",
        params: z.strictObject({ text: text(z) }),
        result: z.object({ html: z.string() }),
        roles: ["user"],
        handle: ({ text }) => ({ html: escape(text) }),
      }),
    },
    close(ctx) {
      for (const room of ctx.state.rooms ?? []) {
        ctx.publish(`room:${room}`, "chat.left", { user: ctx.user.id, room });
      }
    },
  };
}) satisfies Handlers<Chat>;
