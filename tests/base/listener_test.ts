import { connect, type Socket } from "node:net";
import { Listener } from "../../lib/base/listener.ts";
import { assert, assertEquals } from "../assert.ts";

/** Runs a listener that may open few files, as its own process: the limit holds for a whole one. */
const SERVER = `
import { Listener } from ${JSON.stringify(new URL("../../lib/base/listener.ts", import.meta.url).href)};
// What the platform needs for signals it opens late, and panics when it can't.
Deno.addSignalListener("SIGTERM", () => Deno.exit());
const listener = new Listener({ accept: (socket) => {
  socket.on("error", () => {});
  socket.on("end", () => socket.destroy());
  socket.end("served");
}, failed: (error) => console.error(error) });
const [unix] = Deno.args;
await listener.start({ host: "127.0.0.1", port: 0, unix, backlog: 4096 });
console.log(listener.port);
`;

interface Server {
  dial(): Promise<Deno.Conn>;
}

/** Whether a connection is served within the deadline; one that waits in vain is given up. */
async function isServed(server: Server): Promise<boolean> {
  try {
    using connection = await server.dial();
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), 300));
    return await Promise.race([connection.read(new Uint8Array(6)), late]) === 6;
  } catch {
    return false;
  }
}

async function servedWithin(server: Server, deadlineMs: number): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!await isServed(server)) assert(Date.now() < end, `no connection was served within ${deadlineMs} ms`);
}

for (const kind of ["TCP", "a unix socket"]) {
  Deno.test(`Listener survives running out of file descriptors (EMFILE), on ${kind}`, async () => {
    const dir = await Deno.makeTempDir();
    const file = `${dir}/server.ts`;
    const path = `${dir}/listener.sock`;
    await Deno.writeTextFile(file, SERVER);
    const process = new Deno.Command("sh", {
      args: ["-c", `ulimit -n 80; exec "$0" run -A --no-config "$@"`, Deno.execPath(), file].concat(
        kind === "TCP" ? [] : [path],
      ),
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = process.stdout.getReader();
    try {
      const { value } = await reader.read();
      const port = Number(new TextDecoder().decode(value));
      const server: Server = {
        dial: (): Promise<Deno.Conn> =>
          port > 0 ? Deno.connect({ hostname: "127.0.0.1", port }) : Deno.connect({ transport: "unix", path }),
      };
      const flood = [];
      for (let count = 0; count < 150; count++) flood.push(await server.dial());
      // The last of them can't be accepted while the first keep their descriptors: they are still open at our end.
      for (const connection of flood) connection.close();
      await servedWithin(server, 20_000);
    } finally {
      process.kill("SIGKILL");
      await reader.cancel();
      await process.status;
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** A listener and all that it accepted. */
async function listening(unix?: string): Promise<{ listener: Listener; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  const listener = new Listener({
    accept: (socket) => void accepted.push(socket.on("error", () => {})),
    failed: (error) => {
      throw error;
    },
  });
  await listener.start({ host: "127.0.0.1", port: 0, unix, backlog: 16 });
  return { listener, accepted };
}

Deno.test("Listener.accepts() is true while it listens, and its own connection is not handed out", async () => {
  const { listener, accepted } = await listening();
  assertEquals(await Promise.all([listener.accepts(0), listener.accepts(0)]), [true, true]);
  assertEquals(accepted.length, 0);
  listener.stop();
  assertEquals(await listener.accepts(0), false);
});

Deno.test("Listener.accepts() loses no connection of other clients", async () => {
  const { listener, accepted } = await listening();
  const clients: Socket[] = [];
  for (let round = 0; round < 20; round++) {
    const connected = [0, 1, 2].map(() =>
      new Promise<void>((resolve) => clients.push(connect(listener.port, "127.0.0.1", resolve)))
    );
    assertEquals(await listener.accepts(0), true);
    await Promise.all(connected);
  }
  while (accepted.length < clients.length) await new Promise((resolve) => setTimeout(resolve, 5));
  const ports = (sockets: Socket[], side: "localPort" | "remotePort") => sockets.map((socket) => socket[side]).sort();
  assertEquals(ports(accepted, "remotePort"), ports(clients, "localPort"));
  for (const socket of [...clients, ...accepted]) socket.destroy();
  listener.stop();
});

Deno.test("Listener.accepts() is true on a unix socket, and false once another file has its path", async () => {
  const dir = await Deno.makeTempDir();
  const { listener, accepted } = await listening(`${dir}/a.sock`);
  assertEquals(await listener.accepts(0), true);
  await Deno.rename(`${dir}/a.sock`, `${dir}/b.sock`);
  assertEquals(await listener.accepts(0), false);
  listener.stop();
  for (const socket of accepted) socket.destroy();
  await Deno.remove(dir, { recursive: true });
});
