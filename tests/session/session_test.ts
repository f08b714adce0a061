/** A session on a socket of the test's own: what it takes of a turn of the event loop. */
import { Turns } from "../../lib/limits/limits.ts";
import { createLog } from "../../lib/log/log.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { TimingWheel } from "../../lib/timing/timing_wheel.ts";
import { Registry, Session, type SessionOptions } from "../../lib/session/session.ts";
import { assertEquals } from "../assert.ts";

const OWN = 10;

/** Without limits, and with a share of ten; `pauses` is how often it stopped reading. */
function make() {
  let pauses = 0;
  const clock = { wall: 0, monotonic: 0 };
  const lines: Record<string, unknown>[] = [];
  const resumed: (() => void)[] = [];
  const shares = { own: OWN, crowded: OWN, crowd: Infinity, resumed: Infinity, reading: 0 };
  const limits = { message: () => null, control: () => null, call: () => null, release() {} };
  const options = {
    id: "session",
    socket: { queued: 0, open: true, pause: () => ++pauses > 0, resume() {}, ping: () => true, sendText() {} },
    accepted: { identity: { user: "ada", roles: [], claims: {}, expiresAt: Infinity } },
    peer: { ip: "127.0.0.1" },
    module: {
      subprotocol: "test.v1",
      contract: { kind: "raw", binary: true, methods: new Map() },
      attach: () => ({ message() {}, close() {} }),
    },
    services: {
      config: {
        server: { ping_interval: 0, idle_timeout: 0, max_session: 0, send_queue: 1 },
        messages: { max_in_flight: 1000 },
      },
      log: createLog({ level: "info", format: "json", write: (line) => lines.push(JSON.parse(line)) }),
      telemetry: new Telemetry(),
      tracing: { call: () => undefined },
      limits: { session: () => limits },
      turns: new Turns((run) => resumed.push(run), shares, () => {}),
      deadlines: new TimingWheel(1000, 0),
      now: () => clock.wall,
      monotonic: () => clock.monotonic,
    },
  };
  const session = new Session(options as unknown as SessionOptions, new Registry());
  return {
    session,
    clock,
    lines,
    get pauses() {
      return pauses;
    },
  };
}

for (const kind of ["ping", "pong", "fragment"] as const) {
  Deno.test(`Session.control() counts a ${kind} towards the session's share of a turn`, () => {
    const made = make();
    for (let i = 1; i < OWN; i++) made.session.control(kind, 0);
    assertEquals(made.pauses, 0);
    made.session.control(kind, 0);
    assertEquals(made.pauses, 1);
    made.session.closed(1000, "");
  });
}

Deno.test("Session counts a message's bytes towards its share of a turn once, not again with its fragments", () => {
  const made = make();
  for (let i = 0; i < 3; i++) made.session.control("fragment", 1000);
  assertEquals(made.pauses, 0);
  made.session.message(new Uint8Array(640), 640);
  assertEquals(made.pauses, 0);
  made.session.control("ping", 0);
  assertEquals(made.pauses, 1);
  made.session.closed(1000, "");
});

Deno.test("Session says how long it lasted by the monotonic clock", () => {
  const { session, clock, lines } = make();
  clock.wall = -2 * 86_400_000;
  clock.monotonic = 1234.4;
  session.closed(1000, "");
  const closed = lines.find(({ event }) => event === "connection.closed");
  assertEquals(closed?.duration_ms, 1234);
});
