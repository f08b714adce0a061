/**
 * Honest clients: each sends at a steady pace whatever comes back (open loop, so that a server that stalls is not asked
 * less), and newcomers connect one after the other. One JSON job on stdin, one line of figures on stdout.
 */
import { maskedFrame, TEXT } from "../load/connection.ts";
import { Histogram } from "../load/histogram.ts";
import { Client, type ClientEvents } from "./client.ts";
import type { HonestFigures, HonestJob } from "./job.ts";

const LATE_MS = 1000;
const RECONNECT_MS = 250;
const NEWCOMER_EVERY_MS = 100;
const WORDS = "0123456789abcdefghijklmnopqrstuv";

const job = JSON.parse(await new Response(Deno.stdin.readable).text()) as HonestJob;
const latency = new Histogram();
const newcomerTime = new Histogram();
const tally = { sent: 0, answered: 0, newcomers: 0, admitted: 0 };
const nextDoor = { sent: 0, answered: 0 };
const begin = performance.now() + job.warmupMs;
const end = begin + job.durationMs;

/** Whether something that was due then belongs to the measured time. */
function counts(due: number): boolean {
  return due >= begin && due < end;
}

/** One client that comes back when it is thrown out, and sends on schedule. `neighbour`: at an attacker's own address. */
function steady(token: string, address: string, phase: number, neighbour = false): void {
  const books = neighbour ? nextDoor : tally;
  const due = new Map<number, number>();
  let client: Client | undefined;
  const connect = () => {
    client = new Client(job.victim, address, token, {
      text(text) {
        const id = Number(/"id":(\d+)/.exec(text)?.[1] ?? NaN);
        const at = due.get(id);
        due.delete(id);
        const took = performance.now() - (at ?? NaN);
        if (at === undefined || !counts(at) || text.includes('"error"')) return;
        if (!neighbour) latency.add(took);
        if (took <= LATE_MS) books.answered++;
      },
      ended: () => setTimeout(connect, RECONNECT_MS),
    });
  };
  connect();
  const interval = 1000 / job.messagesPerSecond;
  let id = 0;
  let next = performance.now() + phase * interval;
  const send = () => {
    for (; next <= performance.now(); next += interval) {
      id++;
      due.set(id, next);
      if (counts(next)) books.sent++;
      client?.write(maskedFrame(TEXT, `{"jsonrpc":"2.0","id":${id},"method":"echo","params":{"text":"${WORDS}"}}`));
    }
    setTimeout(send, Math.max(0, next - performance.now()));
  };
  send();
}

/** A new client: admitted or not, and after how long. */
function newcomer(token: string, address: string): void {
  const started = performance.now();
  const counted = counts(started);
  if (counted) tally.newcomers++;
  const events: ClientEvents = {
    open() {
      if (counted) {
        tally.admitted++;
        newcomerTime.add(performance.now() - started);
      }
      client.end();
    },
    ended() {},
  };
  const client = new Client(job.victim, address, token, events);
}

job.tokens.forEach((token, i) => steady(token, `127.0.1.${i + 1}`, i / job.tokens.length));
if (job.addresses.length > 0) {
  job.neighbours.forEach((token, i) => {
    steady(token, job.addresses[i % job.addresses.length] ?? "", i / job.neighbours.length, true);
  });
}
let arrived = 0;
setInterval(() => {
  const token = job.newcomers[arrived % job.newcomers.length];
  newcomer(token ?? "", `127.0.6.${(arrived++ % 250) + 1}`);
}, NEWCOMER_EVERY_MS);

setTimeout(() => {
  const figures: HonestFigures = {
    ...tally,
    p50: latency.quantile(0.5),
    p99: latency.quantile(0.99),
    newcomerP99: newcomerTime.quantile(0.99),
    neighbours: nextDoor,
  };
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(figures) + "\n"));
  Deno.exit(0); // clients and timers go on until then
}, Math.max(0, end + LATE_MS - performance.now()));
