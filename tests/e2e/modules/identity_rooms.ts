/** Rooms, for tests of the rights to them. */
import type { Handlers } from "../../../lib/mod.ts";

export default (({ z }) => ({
  methods: {
    "room.enter": {
      params: z.object({ room: z.string() }),
      handle({ room }, ctx) {
        ctx.subscribe(`room:${room}`);
        return true;
      },
    },
    "room.echo": { params: z.object({ text: z.string() }), handle: ({ text }) => text },
    "room.me": { params: z.object({}), handle: (_, ctx) => ({ id: ctx.user.id, roles: ctx.user.roles }) },
    "room.close": { params: z.object({}), roles: ["admin"], handle: () => true },
  },
})) satisfies Handlers;
