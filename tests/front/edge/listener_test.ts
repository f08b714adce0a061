import { assertEquals } from "../../assert.ts";

/** Runs a listener that may open few files, as its own process: the limit holds for a whole one. */
const SERVER = `
import { Listener } from ${JSON.stringify(new URL("../../../lib/front/edge/listener.ts", import.meta.url).href)};
const listener = new Listener((socket) => {
  socket.on("error", () => {});
  socket.on("end", () => socket.destroy());
  socket.end("served");
}, () => {});
await listener.start({ host: "127.0.0.1", port: 0 });
console.log(listener.port);
`;

async function connectTo(port: number): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: "127.0.0.1", port });
}

async function isServed(port: number): Promise<boolean> {
  using connection = await connectTo(port);
  const answer = new Uint8Array(6);
  return await connection.read(answer) === 6;
}

Deno.test("Listener survives running out of file descriptors (EMFILE)", async () => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/server.ts`;
  await Deno.writeTextFile(file, SERVER);
  const run = `ulimit -n 80; exec "$0" run -A --no-config "$1"`;
  const server = new Deno.Command("sh", {
    args: ["-c", run, Deno.execPath(), file],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = server.stdout.getReader();
  try {
    const { value } = await reader.read();
    const port = Number(new TextDecoder().decode(value));
    const flood = [];
    for (let count = 0; count < 150; count++) flood.push(await connectTo(port));
    // The last of them can't be accepted while the first keep their descriptors: they are still open at our end.
    for (const connection of flood) connection.close();
    assertEquals(await isServed(port), true);
  } finally {
    server.kill("SIGKILL");
    await reader.cancel();
    await server.status;
    await Deno.remove(dir, { recursive: true });
  }
});
