/** Names of rooms and texts of messages. */
import type { Kit } from "../../lib/mod.ts";

/** The name of a room: 1 to 64 characters that a topic's segment can have. */
export const room = (z: Kit["z"]) => z.string().max(64).regex(/^[^:/{}\p{Cc}]+$/u);

/** The text of a message: 1 to 2000 characters. */
export const text = (z: Kit["z"]) => z.string().min(1).max(2000);
