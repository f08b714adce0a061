/** Named timers, at most one for each name. */
import type { Env } from "./env.ts";

/** Calls `run` once after `ms`, in place of an earlier timer of that name. */
export type Arm = (name: string, ms: number, run: () => void) => void;
export type Disarm = (...names: string[]) => void;
export type Armed = (name: string) => boolean;

/** A tuple, whose parts a bundler gives names of one letter. */
export function createTimers(later: Env["later"]): [Arm, Disarm, Armed] {
  const timers = new Map<string, () => void>();
  const disarm: Disarm = (...names) => {
    for (const name of names) {
      timers.get(name)?.();
      timers.delete(name);
    }
  };
  return [
    (name, ms, run) => {
      disarm(name);
      timers.set(name, later(() => timers.delete(name) && run(), ms));
    },
    disarm,
    (name) => timers.has(name),
  ];
}
