/**
 * The honest client, in a thread of its own, so that what the attackers' clients make of this process is not measured:
 * a request each 50 ms, whether the one before is answered or not.
 */
import { RawClient } from "../../helpers/raw_client.ts";

/** Orders to the thread. */
export type Order = { connect: ConnectOrder } | { begin: true } | { finish: true };

export interface ConnectOrder {
  readonly port: number;
  readonly headers: Record<string, string>;
}

/** Reports of the thread, one for each order. Latencies in milliseconds, in the order of the requests. */
export type Report = { readonly failed: string } | { readonly latencies: readonly number[] };

const INTERVAL_MS = 50;
/** An answer that comes later than this counts as none. */
const DEADLINE_MS = 15_000;
const READ_DEADLINE_MS = 600_000;
const decoder = new TextDecoder();

const scope = globalThis as unknown as { onmessage: unknown; postMessage(report: Report): void };
let client: RawClient | undefined;
let timer: ReturnType<typeof setInterval> | undefined;
let sent: number[] = [];
let answered: number[] = [];
let odd: string | undefined;

async function read(from: RawClient): Promise<void> {
  try {
    for (;;) {
      const { opcode, payload } = await from.nextFrame(READ_DEADLINE_MS);
      if (opcode === 9) await from.frame({ opcode: 10, payload });
      if (opcode === 8) throw new Error(`closed: ${decoder.decode(payload.subarray(2))}`);
      if (opcode !== 1) continue;
      const { id, result } = JSON.parse(decoder.decode(payload)) as { id: number; result?: unknown };
      if (result === undefined) odd ??= `request ${id} was answered by an error`;
      answered[id] = performance.now() - sent[id]!;
    }
  } catch (error) {
    odd ??= String(error);
  }
}

async function connect({ port, headers }: ConnectOrder): Promise<Report> {
  client = await RawClient.connect({ port });
  const { status } = await client.upgrade("/ws", headers, DEADLINE_MS);
  if (status !== 101) return { failed: `the handshake was answered by ${status}` };
  void read(client);
  return { latencies: [] };
}

function begin(): Report {
  [sent, answered] = [[], []];
  timer = setInterval(() => {
    const id = sent.push(performance.now()) - 1;
    client!.text(JSON.stringify({ jsonrpc: "2.0", id, method: "ping", params: {} })).catch((error) =>
      odd ??= `${error}`
    );
  }, INTERVAL_MS);
  return { latencies: [] };
}

async function finish(): Promise<Report> {
  clearInterval(timer);
  const end = performance.now() + DEADLINE_MS;
  const all = () => sent.every((_, id) => answered[id] !== undefined);
  while (!all() && odd === undefined && performance.now() < end) await new Promise((done) => setTimeout(done, 10));
  if (odd !== undefined) return { failed: odd };
  return all() ? { latencies: answered } : { failed: `a request was not answered in ${DEADLINE_MS} ms` };
}

scope.onmessage = async ({ data }: MessageEvent<Order>) => {
  try {
    scope.postMessage("connect" in data ? await connect(data.connect) : "begin" in data ? begin() : await finish());
  } catch (error) {
    scope.postMessage({ failed: String(error) });
  }
};
