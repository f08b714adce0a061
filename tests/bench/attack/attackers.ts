/**
 * The attackers, each kind with addresses of its own. One JSON job on stdin; when its time is over, one line with what they met.
 * They run for a bounded time, against the loopback network only.
 */
import { maskedFrame, repeated, TEXT } from "../load/connection.ts";
import { Client, type ClientEvents } from "./client.ts";
import { type Attack, ATTACKER_ADDRESS, type AttackJob, FLOODING_MODULES, type Outcomes } from "./job.ts";

const CLIENTS = 200;
const SLOW_CLIENTS = 100;
const PARALLEL_HANDSHAKES = 64;
const RETURN_MS = 2000; // a disconnected attacker comes back after this long
const FRAMES_A_WRITE = 16;
const HANDSHAKE_PATIENCE_MS = 1000;
const FLOODS = ["publish", "notify", "log", "result"];
const FLOOD_EVERY_MS = 25;
const MIB = 1024 * 1024;

const job = JSON.parse(await new Response(Deno.stdin.readable).text()) as AttackJob;
const outcomes: Outcomes = {};
const slowReaders = new Set<Client>();
let over = false;

function count(attack: Attack, outcome: string): void {
  const counts = outcomes[attack] ??= {};
  counts[outcome] = (counts[outcome] ?? 0) + 1;
}

/** Counts each answer by its error code. */
function answers(attack: Attack): (text: string) => void {
  return (text) => {
    const code = /"error":\{"code":(-\d+)/.exec(text)?.[1];
    count(attack, code === undefined ? "answered" : `error ${code}`);
  };
}

/** Keeps one attacker connected: `attack` gets each new connection, and what it returns is called when that ends. */
function persist(
  kind: Attack,
  address: string,
  token: string,
  attack: (client: Client) => () => void,
  pause = RETURN_MS,
  victim = job.victim,
): void {
  let stop = () => {};
  const events: ClientEvents = {
    open: () => {
      stop = attack(client);
    },
    text: answers(kind),
    ended(how) {
      stop();
      slowReaders.delete(client);
      if (over) return;
      count(kind, how);
      setTimeout(() => persist(kind, address, token, attack, pause, victim), pause);
    },
  };
  const client = new Client(victim, address, token, events);
}

/** Writes `frame` for as long as the socket takes it, then when it takes more. */
function pour(frame: Uint8Array): (client: Client) => () => void {
  const many = repeated(frame, FRAMES_A_WRITE);
  return (client) => {
    const more = () => void (client.write(many) && setImmediate(more)); // full: goes on at `drain`
    client.socket.on("drain", more);
    more();
    return () => void client.socket.off("drain", more);
  };
}

/** Writes `frame` every `ms`. */
function pace(frame: Uint8Array, ms: number): (client: Client) => () => void {
  return (client) => {
    const send = () => void (client.socket.writableLength === 0 && client.write(frame));
    const timer = setInterval(send, ms);
    send();
    return () => clearInterval(timer);
  };
}

/** A text frame of one MiB under a zero mask. */
function oversizeFrame(): Uint8Array {
  const frame = new Uint8Array(14 + MIB).fill(0x61);
  frame.set([0x81, 0xff]);
  new DataView(frame.buffer).setBigUint64(2, BigInt(MIB));
  frame.fill(0, 10, 14);
  return frame;
}

function request(text: string): Uint8Array {
  return maskedFrame(TEXT, `{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"${text}"}}`);
}

const token = (i: number) => job.tokens[i % job.tokens.length] ?? "";

const start: Record<Attack, () => void> = {
  /** One address, no token, as fast as it can. */
  handshakes() {
    const again = () => {
      if (over) return;
      let outcome: string | undefined;
      const events: ClientEvents = {
        open() {
          outcome = "admitted";
          client.end();
        },
        ended(how) {
          if (!over) count("handshakes", outcome ?? how);
          setImmediate(again);
        },
      };
      const client = new Client(job.victim, ATTACKER_ADDRESS.handshakes, undefined, events);
      client.socket.setTimeout(HANDSHAKE_PATIENCE_MS, () => {
        outcome ??= `no answer within ${HANDSHAKE_PATIENCE_MS} ms`;
        client.end();
      });
    };
    for (let i = 0; i < PARALLEL_HANDSHAKES; i++) again();
  },
  /** One user on one connection, as fast as it can. */
  messages: () => persist("messages", ATTACKER_ADDRESS.messages, token(0), pour(request("flood")), 100),
  oversize() {
    const frame = oversizeFrame();
    for (let i = 0; i < CLIENTS; i++) persist("oversize", `127.0.3.${i + 1}`, token(1 + i), pace(frame, 1000));
  },
  invalid() {
    const frame = maskedFrame(TEXT, '{"jsonrpc": "2.0", "method":');
    for (let i = 0; i < CLIENTS; i++) persist("invalid", `127.0.4.${i + 1}`, token(1 + CLIENTS + i), pace(frame, 50));
  },
  /** Asks for more than it reads: it never reads. */
  slow() {
    const send = pour(request("s".repeat(4000)));
    const attack = (client: Client) => {
      slowReaders.add(client);
      client.socket.pause();
      return send(client);
    };
    for (let i = 0; i < SLOW_CLIENTS; i++) persist("slow", `127.0.5.${i + 1}`, token(1 + 2 * CLIENTS + i), attack);
  },
  /** Two modules flood in each way; their clients ask them to, and read what they get. */
  modules() {
    for (let i = 0; i < FLOODING_MODULES; i++) {
      const params = { kind: FLOODS[i % FLOODS.length] };
      const frame = maskedFrame(TEXT, JSON.stringify({ jsonrpc: "2.0", id: 1, method: "flood", params }));
      const victim = { ...job.victim, subprotocol: `flood${i}.v1` };
      persist("modules", `127.0.7.${i + 1}`, token(i), pace(frame, FLOOD_EVERY_MS), RETURN_MS, victim);
    }
  },
};

for (const attack of job.attacks) start[attack]();
setTimeout(() => {
  // What was waiting unread for the slow readers tells how each would have ended.
  for (const client of slowReaders) client.socket.resume();
}, job.durationMs - 500);
setTimeout(() => {
  over = true;
  if (job.attacks.includes("slow")) { for (const _ of slowReaders) count("slow", "still open at the end"); }
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(outcomes) + "\n"));
  Deno.exit(0);
}, job.durationMs);
