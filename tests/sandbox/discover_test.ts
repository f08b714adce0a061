/** `rpc.discover` of the largest contract, asked for in batches by many: the front's memory stays, and others are served. */
import { assert, assertEquals, assertLess } from "../assert.ts";
import { call, join } from "../helpers/client.ts";
import { Sampler } from "./hostile/sampler.ts";
import { Live } from "../helpers/module_server.ts";

const MIB = 1024 * 1024;
/** Just inside what a contract may be. */
const METHODS = 900;
const DESCRIPTION_LENGTH = 900;
const LARGE = `export default ({ z }) => ({
  methods: Object.fromEntries(Array.from({ length: ${METHODS} }, (_, i) => ["m" + i, {
    params: z.object({}), description: "x".repeat(${DESCRIPTION_LENGTH}), handle: () => i,
  }])),
});`;
const HONEST = `export default ({ z }) => ({ methods: { ping: { params: z.object({}), handle: () => "pong" } } });`;

const ASKERS = 10;
const BATCH = JSON.stringify(
  Array.from({ length: 20 }, (_, id) => ({ jsonrpc: "2.0", id, method: "rpc.discover" })),
);
const BATCHES = 5;
const MOST_BYTES = 300 * MIB;

Deno.test("a large contract asked for in batches by many delays no client and fills no memory", async () => {
  // Each request costs five: a connection's tokens, as they are by default, allow twenty at once.
  const connection = { rate: 50, burst: 100, bytes_rate: "256KiB", bytes_burst: "1MiB" };
  await using live = await Live.start({ "large.v1": LARGE, "honest.v1": HONEST }, { limits: { connection } });
  const sampler = await Sampler.start(live.server.pid);
  using stack = new DisposableStack();
  try {
    using honest = await join(live.server, { subprotocol: "honest.v1", user: "honest" });
    using reader = await join(live.server, { subprotocol: "large.v1", user: "reader" });
    const document = (await call(reader, "rpc.discover")).result as { methods: unknown[] };
    assert(document.methods.length >= METHODS, `${document.methods.length} methods`);
    const askers = [];
    for (let i = 0; i < ASKERS; i++) {
      askers.push(stack.use(await join(live.server, { subprotocol: "large.v1", user: `asker ${i}` })));
    }
    await sampler.next();
    const before = sampler.peak.frontBytes;
    // They never read: what is made for them must not gather.
    const asking = askers.map(async (asker) => {
      for (let i = 0; i < BATCHES; i++) await asker.text(BATCH);
    });
    for (let i = 0; i < 20; i++) assertEquals((await call(honest, "ping", {})).result, "pong");
    await Promise.allSettled(asking);
    for (let i = 0; i < 20; i++) assertEquals((await call(honest, "ping", {})).result, "pong");
    await sampler.next();
    const grown = sampler.peak.frontBytes - before;
    assertLess(grown, MOST_BYTES, `resident memory of the front grew by ${grown} bytes`);
  } finally {
    await sampler.stop();
  }
});
