import { startTestFront } from "../helpers/front.ts";
import { socketPeer, testAllCases } from "./engine.ts";
import { SERVE_GAPS } from "./gaps.ts";

const room = {
  messages: { max_bytes: 1 << 20, max_fragments: 1 << 14 },
  server: { send_queue: 1 << 22, handshake_timeout: 60_000 },
};

Deno.test("edge passes every case strictly, over TLS", async (context) => {
  await using front = await startTestFront({ engine: "edge", ...room });
  await testAllCases({ name: "edge", connect: async () => socketPeer(await front.open()) }, context);
});

Deno.test("serve passes every case but the platform's gaps, over TLS", async (context) => {
  await using front = await startTestFront({ engine: "serve", ...room });
  const connect = async () => socketPeer(await front.open());
  const abrupt = "the platform fails connections without a close frame";
  await testAllCases({ name: "serve", connect, gaps: SERVE_GAPS, abrupt }, context);
});
