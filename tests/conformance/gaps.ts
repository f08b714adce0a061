import type { Gap } from "./engine.ts";

const FAIL_FAST: Gap = { behaviour: "failed", reason: "the platform judges a frame's text once the frame is whole" };

/** Gaps of `Deno.upgradeWebSocket` that this server can't close. */
export const SERVE_GAPS: Record<string, Gap> = {
  "6.4.3": FAIL_FAST,
  "6.4.4": FAIL_FAST,
  "7.3.6": { behaviour: "failed", reason: "the platform takes a close frame of 126 octets" },
};
