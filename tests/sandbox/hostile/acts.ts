/** Every hostile act, by subject. */
import type { Act } from "./act.ts";
import { escapes } from "./acts/escapes.ts";
import { floods } from "./acts/floods.ts";
import { forgeries } from "./acts/forgeries.ts";
import { loops } from "./acts/loops.ts";
import { memory } from "./acts/memory.ts";
import { outputs } from "./acts/outputs.ts";
import { panics } from "./acts/panics.ts";

/** Acts that belong together. */
export interface Subject {
  readonly acts: readonly Act[];
  /** The `timeout` of their modules: short where it is what ends them, long where something else does. */
  readonly timeoutMs: number;
}

export const SUBJECTS: Readonly<Record<string, Subject>> = {
  panics: { acts: panics, timeoutMs: 2_000 },
  loops: { acts: loops, timeoutMs: 500 },
  memory: { acts: memory, timeoutMs: 120_000 },
  forgeries: { acts: forgeries, timeoutMs: 2_000 },
  floods: { acts: floods, timeoutMs: 2_000 },
  outputs: { acts: outputs, timeoutMs: 2_000 },
  escapes: { acts: escapes, timeoutMs: 2_000 },
};

export const ACTS: readonly Act[] = Object.values(SUBJECTS).flatMap(({ acts }) => acts);
