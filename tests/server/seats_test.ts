/** The seats of a user over all nodes, as the gate takes them and gives them back. */
import type { Accepted, Refusal, Socket } from "../../lib/gate/gate.ts";
import type { CellStarter } from "../../lib/sandbox/sandbox.ts";
import { ServerGate } from "../../lib/server/gate.ts";
import { Server } from "../../lib/server/server.ts";
import { ALICE, configWith, handshake, memoryLog, PEER } from "../helpers/admission.ts";
import { assert, assertEquals } from "../assert.ts";

const CAP = 3;
type Seat = "taken" | "full" | "unknown";

/** A gate whose seats the test gives. */
function make({ max_connections = 100 } = {}) {
  const config = configWith({ server: { max_connections_per_user: CAP, max_connections } });
  const server = new Server({ config, log: memoryLog(), cells: {} as CellStarter });
  server.verifier = {
    verify: () => Promise.resolve({ ok: true, identity: ALICE }),
  } as unknown as typeof server.verifier;
  const asked: { readonly cap: number; answer(seat: Seat): void }[] = [];
  const given: string[] = [];
  Object.assign(server.cluster.state, {
    seat: (_user: string, cap: number) => new Promise<Seat>((answer) => asked.push({ cap, answer })),
    unseat: (user: string) => void given.push(user),
  });
  const gate = new ServerGate(server);
  const admit = () => gate.admit(handshake({ authorization: "Bearer good" }), PEER, () => false);
  return { gate, server, asked, given, admit };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const outcome = (verdict: Accepted | Refusal) => verdict.accepted || verdict.reason;

Deno.test("ServerGate takes a seat over all nodes for an accepted handshake, with the user's cap", async () => {
  const { asked, given, admit, gate } = make();
  const admitted = admit();
  await settled();
  assertEquals(asked.map(({ cap }) => cap), [CAP]);
  asked[0]!.answer("taken");
  const verdict = await admitted;
  assert(verdict.accepted);
  assertEquals(given, []);
  gate.abandoned(verdict);
  gate.abandoned(verdict);
  assertEquals(given, ["alice"], "it is given back once");
});

Deno.test("ServerGate refuses a user whose seats are taken on other nodes, and holds no place for the refused", async () => {
  const { asked, given, admit } = make();
  const first = Array.from({ length: CAP }, admit);
  await settled();
  for (const { answer } of asked.splice(0)) answer("full");
  assertEquals((await Promise.all(first)).map(outcome), Array(CAP).fill("too_many_connections"));
  // None of them counts here any more, and no seat was theirs to give back.
  const again = Array.from({ length: CAP }, admit);
  await settled();
  assertEquals([asked.length, given], [CAP, []]);
  for (const { answer } of asked) answer("taken");
  assertEquals((await Promise.all(again)).map(outcome), Array(CAP).fill(true));
});

Deno.test("ServerGate holds the cap of this node while it waits for a seat, and when there is no answer", async () => {
  const { asked, admit } = make();
  const visits = Array.from({ length: CAP + 2 }, admit);
  await settled();
  assertEquals(asked.length, CAP, "the others are refused at once");
  for (const { answer } of asked) answer("unknown");
  const outcomes = (await Promise.all(visits)).map(outcome);
  assertEquals(outcomes, [...Array(CAP).fill(true), "too_many_connections", "too_many_connections"]);
});

Deno.test("ServerGate counts a handshake that waits for its seat once among the server's connections", async () => {
  const { asked, admit } = make({ max_connections: 2 });
  const first = admit();
  await settled();
  const second = admit();
  await settled();
  assertEquals(asked.length, 2);
  const third = admit();
  for (const { answer } of asked) answer("taken");
  assertEquals((await Promise.all([first, second, third])).map(outcome), [true, true, "server_full"]);
});

Deno.test("a session gives its seat back at its end, once; that of an expired place is taken again", async () => {
  const { server, gate, asked, given, admit } = make();
  Object.defineProperty(server, "modules", { value: new Map([["chat.v1", MODULE]]) });
  const admitted = admit();
  await settled();
  asked[0]!.answer("taken");
  const verdict = await admitted;
  assert(verdict.accepted);
  const session = gate.open(SOCKET, verdict, PEER, handshake());
  assertEquals([asked.length, given], [1, []]);
  session.closed(1000, "");
  assertEquals(given, ["alice"]);
  const late = gate.open(SOCKET, { ...verdict }, PEER, handshake());
  assertEquals(asked[1]?.cap, Number.MAX_SAFE_INTEGER);
  late.closed(1000, "");
  assertEquals(given, ["alice", "alice"]);
});

const SOCKET = { open: true, queued: 0, taken: 0, pause: () => true, resume() {}, close() {} } as unknown as Socket;
const MODULE = {
  subprotocol: "chat.v1",
  contract: { kind: "rpc", binary: false, methods: new Map(), topics: new Map() },
  topicOf: () => undefined,
  attach: () => ({ close() {} }),
};
