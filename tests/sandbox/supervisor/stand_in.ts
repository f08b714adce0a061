/**
 * Stands in for the program in the role of a cell: reads its orders, shows life, and does what `name` of the module's file says.
 * Run as a main module with the argument `cell`.
 */
import { writeSync } from "node:fs";
import { type CellOrders, encodeVitals, VITALS_INTERVAL_MS, VitalsKind } from "../../../lib/sandbox/wire/processes.ts";

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
  honest() {},
  loud: () => void setInterval(() => writeAll("x".repeat(65_536)), 1),
  garbage: () => void writeSync(3, new Uint8Array(24).fill(255)),
  flood: () => void setInterval(() => writeSync(3, frame(VitalsKind.Alive, 100)), 0),
  farewell_memory: () => void writeSync(3, frame(VitalsKind.OutOfMemory)),
  farewell_time: () => void writeSync(3, frame(VitalsKind.OutOfTime)),
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

const orders = await readOrders();
writeSync(3, frame(VitalsKind.Alive));
setInterval(() => writeSync(3, frame(VitalsKind.Alive)), VITALS_INTERVAL_MS);
const name = orders.url.slice(orders.url.lastIndexOf("/") + 1).replace(/\.ts$/, "");
WAYS[name]!(orders);
