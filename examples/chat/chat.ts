/**
 * Chat rooms. A room is a topic: clients subscribe to it with `topic.subscribe`, and `topic.presence` lists its users.
 *
 * The text of a message is sent as it was written; a page escapes it where it inserts it. A page that takes HTML can ask
 * for `chat.preview`.
 */
import type { Handlers, Kit } from "../../lib/mod.ts";
import { room, text } from "./limits.ts";

const topics = ({ z, topic }: Kit<{ roles: "user" }>) => ({
  "room:{room}": topic({
    params: z.object({ room: room(z) }),
    roles: ["user"],
    presence: ["user"],
    events: { message: z.object({ from: z.string(), text: text(z) }) },
  }),
});

export default ((kit) => {
  const { z, method, escape } = kit;
  return {
    topics: topics(kit),
    methods: {
      "chat.send": method({
        description: "Sends a message to a room",
        params: z.object({ room: room(z), text: text(z) }),
        result: z.object({ ok: z.literal(true) }),
        roles: ["user"],
        cost: 1,
        examples: [{ room: "lobby", text: "Good morning" }],
        handle({ room, text }, ctx) {
          ctx.publish(`room:${room}`, "message", { from: ctx.user.id, text });
          return { ok: true as const };
        },
      }),
      "chat.preview": method({
        description: "Returns the text of a message as HTML",
        params: z.strictObject({ text: text(z) }),
        result: z.object({ html: z.string() }),
        roles: ["user"],
        handle: ({ text }) => ({ html: escape(text) }),
      }),
    },
  };
}) satisfies Handlers<{ roles: "user"; topics: typeof topics }>;
