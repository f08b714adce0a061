import { isConnected, isCutOff } from "../../lib/server/link_health.ts";
import { configWith } from "../helpers/admission.ts";
import { assertEquals } from "../assert.ts";

const STALE_MS = 10_000;
const UP = { up: true, forMs: 1e9, loaded: true };
const DOWN = { up: false, forMs: STALE_MS, loaded: true };
const STALE = { ...DOWN, forMs: STALE_MS + 1 };
const UNLOADED = { up: true, forMs: 1, loaded: false };

function config(required: boolean) {
  const cluster = { url_file: "/u", secret_file: "/s", prefix: "sallyport", required, stale_after: STALE_MS };
  return { ...configWith(), cluster };
}

Deno.test("isCutOff() only where the link is required and down for too long, or nothing was loaded yet", () => {
  const states = [UP, DOWN, STALE, UNLOADED];
  assertEquals(states.map((link) => isCutOff(link, config(true))), [false, false, true, true]);
  assertEquals(states.map((link) => isCutOff(link, config(false))), [false, false, false, true]);
});

Deno.test("isConnected() tells of a link that is down for too long, required or not", () => {
  const states = [UP, DOWN, STALE, UNLOADED];
  for (const required of [true, false]) {
    assertEquals(states.map((link) => isConnected(link, config(required))), [true, true, false, false]);
  }
});
