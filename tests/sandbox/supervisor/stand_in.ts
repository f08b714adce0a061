/**
 * Stands in for the program: as `cell` it reads its orders, shows life, and does what the name of the module's file says; as
 * `front` it does what the next argument says.
 */
import { existsSync, writeFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { SupervisorLink } from "../../../lib/sandbox/host/supervisor_link.ts";
import { encodeFrontFrame, type FrontFrame, FrontKind, FrontState } from "../../../lib/sandbox/wire/front_frames.ts";
import {
  type CellOrders,
  encodeVitals,
  type ProcessEnd,
  VITALS_INTERVAL_MS,
  VitalsKind,
} from "../../../lib/sandbox/wire/processes.ts";

async function readOrders(): Promise<CellOrders> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = Deno.stdin.readable.getReader();
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) Deno.exit(9);
    text += decoder.decode(value, { stream: true });
  }
  void (async () => {
    while (!(await reader.read()).done);
    Deno.exit(0);
  })();
  return JSON.parse(text);
}

const WAYS: Record<string, (orders: CellOrders) => void> = {
  honest: () => writeAll("hello"),
  loud: () => void setInterval(() => writeAll("x".repeat(65_536)), 1),
  garbage: () => void writeSync(3, new Uint8Array(24).fill(255)),
  flood: () => void setInterval(() => writeSync(3, frame(VitalsKind.Alive, 100)), 0),
  /** As many frames as pile up while a supervisor does not run. */
  piled_up: () => void setInterval(() => writeSync(3, frame(VitalsKind.Alive, 100)), 400),
  farewell_memory: () => void writeSync(3, frame(VitalsKind.OutOfMemory)),
  out_of_memory: () => {
    for (const kept: unknown[] = [];;) kept.push(new Array(1e6).fill(0.5));
  },
  exit: () => Deno.exit(3),
  throws: () => {
    throw new Error("first line\n\u001b[31mforged\u202e");
  },
  loop: () => {
    for (;;);
  },
  permissions: (orders) => {
    const granted = (descriptor: Deno.PermissionDescriptor) =>
      Deno.permissions.querySync(descriptor).state === "granted";
    const names = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;
    writeAll(`${
      JSON.stringify({
        whole: names.filter((name) => granted({ name })),
        folder: granted({ name: "read", path: orders.folder }),
        socket: granted({ name: "net", host: `unix:${orders.socketPath}` } as Deno.NetPermissionDescriptor),
        etc: granted({ name: "read", path: "/etc" }),
        host: granted({ name: "net", host: "example.com:443" }),
        variable: granted({ name: "env", variable: "GRANTED" }) ? Deno.env.get("GRANTED") : "none",
      })
    }\n`);
  },
};

function frame(kind: VitalsKind, times = 1): Uint8Array {
  const one = encodeVitals(kind, { memory: 1, cpuMs: 2 });
  const all = new Uint8Array(one.length * times);
  for (let at = 0; at < all.length; at += one.length) all.set(one, at);
  return all;
}

function writeAll(text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

async function cell(): Promise<void> {
  const orders = await readOrders();
  writeSync(3, frame(VitalsKind.Alive));
  setInterval(() => writeSync(3, frame(VitalsKind.Alive)), VITALS_INTERVAL_MS);
  const name = orders.url.slice(orders.url.lastIndexOf("/") + 1).replace(/\.ts$/, "");
  WAYS[name]!(orders);
}

const FIGURES = { state: FrontState.Serving, connections: 3, maxConnections: 10, responsive: true };
const ALIVE: FrontFrame = { kind: FrontKind.Alive, ...FIGURES };

async function readyLink(): Promise<SupervisorLink> {
  const link = await SupervisorLink.open();
  link.ready(() => FIGURES);
  return link;
}

/** Writes frames without a link, which would own the descriptor. */
const send = (...frames: FrontFrame[]) => {
  for (const frame of frames) writeSync(3, encodeFrontFrame(frame));
};

const FRONTS: Record<string, () => unknown> = {
  async honest() {
    const link = await readyLink();
    link.onReload(() => Promise.resolve());
    await link.stop;
    Deno.exit(0);
  },
  /** Front 1 ends soon after it is ready, with its number for a status: again and again. */
  async second_ends() {
    const link = await readyLink();
    if (link.orders.front?.number === 1) setTimeout(() => Deno.exit(7), 50);
    await link.stop;
    Deno.exit(0);
  },
  /** Front 1 can't start. */
  async second_fails() {
    const link = await SupervisorLink.open();
    if (link.orders.front?.number === 1) Deno.exit(1);
    link.ready(() => FIGURES);
    await link.stop;
    Deno.exit(0);
  },
  /** Front 1 is ready only once the file `go` is in the folder of the sockets. */
  async second_is_late() {
    const link = await SupervisorLink.open();
    const { number, sockets } = link.orders.front!;
    const go = `${dirname(sockets[0]!)}/go`;
    while (number === 1 && !existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 10));
    link.ready(() => FIGURES);
    link.onReload(() => Promise.resolve());
    await link.stop;
    Deno.exit(0);
  },
  /** Front 1 asks for cells until it is refused, then front 0 asks for one, and ends with 0 once it runs. */
  async second_is_greedy() {
    const link = await readyLink();
    const { number, sockets } = link.orders.front!;
    const refused = `${dirname(sockets[0]!)}/refused`;
    const nothing = { started() {}, output() {}, vitals() {}, ended() {} };
    if (number === 1) {
      const ended = ({ detail }: ProcessEnd) =>
        void (detail.includes("no more processes") && writeFileSync(refused, ""));
      for (let cell = 0; cell < 100; cell++) link.start(0, { ...nothing, ended });
      await link.stop;
      Deno.exit(0);
    }
    while (!existsSync(refused)) await new Promise((resolve) => setTimeout(resolve, 10));
    link.start(0, { ...nothing, vitals: () => Deno.exit(0), ended: () => Deno.exit(3) });
  },
  /** Says in its figures what it knows of its place. */
  async placed() {
    const link = await SupervisorLink.open();
    const { number, sockets, secret } = link.orders.front!;
    const right = sockets.length === 3 && new Set(sockets).size === 3 && secret.length === 64;
    link.ready(() => ({ ...FIGURES, connections: right ? 10 ** number : 0 }));
    await link.stop;
    Deno.exit(0);
  },
  async stubborn() {
    await readyLink();
  },
  async exit_1() {
    await SupervisorLink.open();
    Deno.exit(1);
  },
  async exit_2() {
    await SupervisorLink.open();
    Deno.exit(2);
  },
  async exit_7_once_ready() {
    await readyLink();
    setTimeout(() => Deno.exit(7), 50);
  },
  garbage() {
    send(ALIVE, { kind: FrontKind.Ready });
    writeSync(3, new Uint8Array(20).fill(255));
    setInterval(() => {}, 1_000);
  },
  async repeats_a_request() {
    send(ALIVE, { kind: FrontKind.Ready });
    await Deno.stdin.read(new Uint8Array(1_000));
    send({ kind: FrontKind.Start, module: 0, request: 5 }, { kind: FrontKind.Start, module: 0, request: 5 });
    setInterval(() => {}, 1_000);
  },
  flood() {
    for (;;) send(ALIVE);
  },
  /** Shows life, asks for what it may not have, and reads no answer. */
  deaf() {
    send(ALIVE, { kind: FrontKind.Ready });
    let request = 0;
    setInterval(() => {
      send(ALIVE);
      for (let i = 0; i < 250; i++) send({ kind: FrontKind.Start, module: 99, request: ++request });
    }, 20);
  },
  /** Asks for a cell and has it killed; ends with 0 when it heard of it what there is to hear. */
  async one_cell() {
    const link = await readyLink();
    let [started, output, alive] = [false, "", false];
    const killOnceSeen = () => started && output === "hello" && alive && process.kill();
    const process = link.start(0, {
      started: (secret, pid) => started = secret.length === 64 && pid > 0,
      output(text) {
        output += new TextDecoder().decode(text);
        killOnceSeen();
      },
      vitals({ memory, cpuMs }) {
        alive = memory === 1 && cpuMs === 2;
        killOnceSeen();
      },
      ended: ({ cause }) => Deno.exit(cause === "killed" && output === "hello" ? 0 : 3),
    });
  },
};

const [role, name = ""] = Deno.args;
if (role === "cell") await cell();
else await FRONTS[name]!();
