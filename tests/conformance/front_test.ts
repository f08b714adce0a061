import { startFixture } from "../front/fixture.ts";
import { type Gap, socketPeer, testAllCases } from "./engine.ts";

const FAIL_FAST: Gap = { behaviour: "failed", reason: "the platform judges a frame's text once the frame is whole" };

/** What `Deno.upgradeWebSocket` can't do and we can't mend. */
const SERVE_GAPS: Record<string, Gap> = {
  "6.4.3": FAIL_FAST,
  "6.4.4": FAIL_FAST,
  "7.3.6": { behaviour: "failed", reason: "the platform takes a close frame of 126 octets" },
};

const room = { messages: { max_bytes: 1 << 20, max_fragments: 1 << 14 }, server: { send_queue: 1 << 22 } };

Deno.test("edge passes every case strictly, over TLS", async (context) => {
  await using front = await startFixture({ engine: "edge", ...room });
  await testAllCases({ name: "edge", connect: async () => socketPeer(await front.open()) }, context);
});

Deno.test("serve passes every case but the platform's gaps, over TLS", async (context) => {
  await using front = await startFixture({ engine: "serve", ...room });
  const connect = async () => socketPeer(await front.open());
  const abrupt = "the platform fails connections without a close frame";
  await testAllCases({ name: "serve", connect, gaps: SERVE_GAPS, abrupt }, context);
});
