// deno-lint-ignore-file no-console -- prints its figures
/**
 * The cost of the sandbox: the same calls through one cell, and handled in the main isolate by the same schema and handler.
 *
 * `deno run --no-prompt -A tests/bench/sandbox_bench.ts`
 *
 * "direct" is what a server without a sandbox would do: parse, validate, handle, stringify, here on the main thread. Sandboxed, this
 * process only passes bytes on; the rest runs in the cell's process, on another core. CPU is that of this process.
 */
import process from "node:process";
import { z } from "zod";
import { createLog } from "../../lib/log/log.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { type CellClient, type CellStarter, type Line, startSandbox } from "../../lib/sandbox/sandbox.ts";
import { withCellStarter } from "../../lib/sandbox/supervisor/own_cells.ts";

const TOTAL = Number(Deno.env.get("SALLYPORT_BENCH_CALLS") ?? 400_000);
const SESSIONS = 100;
const text = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "echo",
  params: { text: "hello, world; 32 bytes of it ...." },
});

interface Figures {
  rate: number;
  cpu: number;
}

async function measure(calls: number, run: () => Promise<void>): Promise<Figures> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  await run();
  const seconds = (performance.now() - began) / 1000;
  const used = process.cpuUsage(cpu);
  return { rate: Math.round(calls / seconds), cpu: (used.user + used.system) / calls };
}

const print = (name: string, { rate, cpu }: Figures) =>
  console.log(
    `${name.padEnd(44)} ${rate.toLocaleString("en").padStart(10)} calls/s  ${cpu.toFixed(2).padStart(6)} µs CPU/call`,
  );

function client(id: string): CellClient {
  const nothing = () => {};
  return {
    id,
    ip: "127.0.0.1",
    subprotocol: "echo.v1",
    user: { id, roles: [], claims: {} },
    notify: nothing,
    send: nothing,
    subscribe: (_topic, answer) => answer(0),
    resumed: nothing,
    unsubscribe: nothing,
    followers: () => 0,
    presence: () => Promise.resolve([]),
    closeByHandler: nothing,
    logged: nothing,
    unserved: nothing,
  };
}

/** Every session keeps `inFlight` calls under way until `total` were answered. */
function throughCell(lines: Line[], inFlight: number, total: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let answered = 0;
    const next = (line: Line) => {
      if (begun++ >= total) return;
      line.call("echo", text, {
        resolve() {
          if (++answered === total) resolve();
          else next(line);
        },
        reject: (code) => reject(new Error(String(code))),
      });
    };
    for (const line of lines) for (let i = 0; i < inFlight; i++) next(line);
  });
}

const params = z.object({ text: z.string().max(60_000) });
const result = z.object({ text: z.string() });
let sink = 0;
function direct(total: number): Promise<void> {
  for (let i = 0; i < total; i++) {
    const parsed = params.safeParse((JSON.parse(text) as { params: unknown }).params);
    if (!parsed.success) throw new Error();
    sink += JSON.stringify(result.parse({ text: parsed.data.text })).length;
  }
  return Promise.resolve();
}

const handlers = [{
  subprotocol: "echo.v1",
  module: new URL("../../examples/echo/echo.ts", import.meta.url).href,
  cells: 1,
  memory: 64 * 1024 * 1024,
  timeout: 5000,
  permissions: {},
}];
await withCellStarter(handlers, run);
if (sink < 0) console.log(sink);

async function run(cells: CellStarter): Promise<void> {
  const sandbox = await startSandbox(handlers, {
    log: createLog({ level: "error", format: "pretty", write: (line) => console.error(line) }),
    telemetry: new Telemetry(),
    now: () => performance.now(),
    cells,
    maxBytes: 64 * 1024,
    publish: () => 0,
  });
  const module = sandbox.modules.get("echo.v1")!;
  const lines = Array.from({ length: SESSIONS }, (_, i) => module.attach(client(`c${i}`)));
  await throughCell(lines, 16, TOTAL / 4);
  await direct(TOTAL / 4);
  print("direct, in the main isolate", await measure(TOTAL, () => direct(TOTAL)));
  for (const [sessions, inFlight] of [[1, 1], [1, 16], [100, 1], [100, 16]] as const) {
    const total = sessions === 1 && inFlight === 1 ? TOTAL / 20 : TOTAL;
    const figures = await measure(total, () => throughCell(lines.slice(0, sessions), inFlight, total));
    print(`one cell, ${sessions} session(s), ${inFlight} in flight each`, figures);
  }
  await sandbox.close();
}
