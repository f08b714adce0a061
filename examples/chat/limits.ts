/** What rooms and messages may be. */
import type { Kit } from "../../lib/mod.ts";

/** Rooms one connection may be in. */
export const MOST_ROOMS = 20;

/** A room's name: 1 to 64 characters. */
export const room = (z: Kit["z"]) => z.string().min(1).max(64);

/** A message's text: 1 to 2000 characters. */
export const text = (z: Kit["z"]) => z.string().min(1).max(2000);
